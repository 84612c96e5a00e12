package setup

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// patience bounds a test's wait on the network.
const patience = 2 * time.Minute

func TestCertificateServesEveryName(t *testing.T) {
	config := emptyVolumes(t)
	runOnce(t, config)
	pair, err := tls.LoadX509KeyPair(filepath.Join(config.FTPSecretsDir, "cert.pem"),
		filepath.Join(config.FTPSecretsDir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(read(t, config.DriverSecretsDir, "ftp_ca.pem"))) {
		t.Fatal("the driver's file holds no certificate")
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for name, want := range map[string]bool{"vsftpd": true, "localhost": true, "127.0.0.1": true, "example.org": false} {
			dialer := &net.Dialer{Timeout: patience}
			conn, err := tls.DialWithDialer(dialer, "tcp", listener.Addr().String(),
				&tls.Config{RootCAs: roots, ServerName: name, MinVersion: version, MaxVersion: version})
			if (err == nil) != want {
				t.Errorf("%s, %s: error %v", tls.VersionName(version), name, err)
			}
			if err == nil {
				conn.Close()
			}
		}
	}
}

func TestCertificateIsRenewedInTime(t *testing.T) {
	config := emptyVolumes(t)
	made := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	at := func(now time.Time) string {
		r := run{Config: config, log: zerolog.Nop(), now: now}
		defer r.close()
		if err := errors.Join(r.directories(), r.ftp()); err != nil {
			t.Fatal(err)
		}
		cert := read(t, config.FTPSecretsDir, "cert.pem")
		if ca := read(t, config.DriverSecretsDir, "ftp_ca.pem"); ca != cert {
			t.Error("the driver trusts another certificate")
		}
		return cert
	}
	first := at(made)
	expires := made.AddDate(10, 0, 0)
	if at(expires.Add(-31*24*time.Hour)) != first {
		t.Error("renewed 31 days before its end")
	}
	second := at(expires.Add(-29 * 24 * time.Hour))
	if second == first {
		t.Error("not renewed 29 days before its end")
	}
	if at(expires) != second {
		t.Error("the new one did not last")
	}
}
