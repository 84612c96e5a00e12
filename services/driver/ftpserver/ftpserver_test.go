package ftpserver_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/jlaffaye/ftp"

	"sealpost/services/driver/drivertest"
)

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	if err := os.WriteFile(path, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	conn, err := ftp.Dial(drivertest.Serve(t, dir, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Quit()
	if err := conn.Login(drivertest.User, drivertest.Password); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func() error{
		"STOR": func() error { return conn.Stor("b.txt", bytes.NewReader([]byte("x"))) },
		"over": func() error { return conn.Stor("a.txt", bytes.NewReader([]byte("x"))) },
		"APPE": func() error { return conn.Append("a.txt", bytes.NewReader([]byte("x"))) },
		"DELE": func() error { return conn.Delete("a.txt") },
		"RNTO": func() error { return conn.Rename("a.txt", "b.txt") },
		"MKD":  func() error { return conn.MakeDir("d") },
	} {
		if err := change(); err == nil {
			t.Errorf("%s is allowed", name)
		}
	}
	if _, err := conn.Retr("../" + filepath.Base(dir) + "/../x"); err == nil {
		t.Error("a file outside is served")
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 1 {
		t.Errorf("%v, %v", names, err)
	}
	response, err := conn.Retr("a.txt")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(response); err != nil || string(data) != "text" {
		t.Errorf("%q, %v", data, err)
	}
	if err := response.Close(); err != nil {
		t.Error(err)
	}
}

func TestWhoMayLogIn(t *testing.T) {
	certificate, ca := drivertest.Certificate(t)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	addr := drivertest.Serve(t, t.TempDir(), &certificate)
	secure := ftp.DialWithExplicitTLS(&tls.Config{RootCAs: pool, ServerName: "localhost"})
	for _, test := range []struct {
		name, user, password string
		options              []ftp.DialOption
		ok                   bool
	}{
		{"the user", drivertest.User, drivertest.Password, []ftp.DialOption{secure}, true},
		{"wrong password", drivertest.User, "guess", []ftp.DialOption{secure}, false},
		{"another user", "root", drivertest.Password, []ftp.DialOption{secure}, false},
		{"nobody", "anonymous", "", []ftp.DialOption{secure}, false},
		{"without TLS", drivertest.User, drivertest.Password, nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, err := ftp.Dial(addr, test.options...)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Quit()
			if err := conn.Login(test.user, test.password); (err == nil) != test.ok {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestCloseEndsListening(t *testing.T) {
	var addr string
	t.Run("serving", func(t *testing.T) { addr = drivertest.Serve(t, t.TempDir(), nil) })
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Error("still listening")
	}
}
