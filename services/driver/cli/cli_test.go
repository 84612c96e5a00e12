package cli_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/driver/cli"
	"sealpost/services/driver/drivertest"
	"sealpost/shared/build"
	"sealpost/shared/nettest"
	"sealpost/shared/voice"
)

// env sets the driver's variables, and no others.
func env(t *testing.T, pairs ...string) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "DRIVER_") {
			t.Setenv(name, "") // restores it afterwards
			os.Unsetenv(name)
		}
	}
	t.Setenv("DRIVER_PRINT", "full")
	for i := 0; i < len(pairs); i += 2 {
		t.Setenv("DRIVER_"+pairs[i], pairs[i+1])
	}
}

func start(args ...string) (status int, out, errs string) {
	var o, e bytes.Buffer
	status = cli.Main(context.Background(), args, voice.Streams{In: strings.NewReader(""), Out: &o, Err: &e})
	return status, o.String(), e.String()
}

func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCollectsOverTLS(t *testing.T) {
	v := drivertest.NewVolume(t)
	o := drivertest.NewOutbox(t, v)
	o.Sent(v.AddEnciphered("report.txt", []byte(strings.Repeat("x", 107)), "secret"), strings.Repeat("x", 107))
	v.PutCheckpoint(1)
	certificate, ca := drivertest.Certificate(t)
	env(t,
		"FTP_ADDR", drivertest.Serve(t, v.Dir, &certificate), "FTP_USER", drivertest.User,
		"FTP_PASSWORD_FILE", secretFile(t, drivertest.Password+"\n"),
		"FTP_CA_FILE", secretFile(t, string(ca)), "FTP_SERVER_NAME", "localhost",
		"OUTPUT_DIR", filepath.Join(t.TempDir(), "made"), "OUTBOX", o.Dir, "NEED_RECEIPTS", "true",
		"SERVER_IDENTITY_FILE", secretFile(t, v.Pins().String()+"\n"),
	)
	status, out, errs := start()
	if status != 0 {
		t.Fatalf("status %d:\n%s", status, errs)
	}
	for _, want := range []string{
		"\nFile name: server_message0.txt\n", "Total Encrypted Message Size: 172 bytes",
		"1 file, ", "1 new; 1 receipt verified; ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
	if strings.Contains(errs, drivertest.Password) || strings.Contains(errs, "hint") {
		t.Errorf("log:\n%s", errs)
	}
}

func TestFailureIsToldWithAHint(t *testing.T) {
	v := drivertest.NewVolume(t)
	v.Add("a.txt", nil)
	v.Remove("server_message0.txt")
	env(t,
		"FTP_ADDR", drivertest.Serve(t, v.Dir, nil), "FTP_USER", drivertest.User, "FTP_PASSWORD", drivertest.Password,
		"FTP_TLS", "off", "OUTPUT_DIR", t.TempDir(),
	)
	status, out, errs := start()
	if status != 1 || !strings.Contains(out, "0 files, ") {
		t.Errorf("status %d:\n%s", status, out)
	}
	if !strings.Contains(errs, "driver: message 0: server_message0.txt: missing on the server\n") {
		t.Errorf("failures:\n%s", errs)
	}
	t.Setenv("DRIVER_FTP_PASSWORD", "guess")
	if status, _, errs = start(); status != 1 || !strings.Contains(errs, "driver: hint: check DRIVER_FTP_USER") {
		t.Errorf("status %d:\n%s", status, errs)
	}
}

// TestAttackIsToldWithAHint: the manifest was cut back together with its log
// file, and the checkpoint was left.
func TestAttackIsToldWithAHint(t *testing.T) {
	v := drivertest.NewVolume(t)
	v.Add("a.txt", []byte("one"))
	v.Add("b.txt", []byte("two"))
	v.PutCheckpoint(2)
	v.SetManifest(v.Lines(1))
	v.Remove("server_message1.txt")
	dir := t.TempDir()
	env(t,
		"FTP_ADDR", drivertest.Serve(t, v.Dir, nil), "FTP_USER", drivertest.User, "FTP_PASSWORD", drivertest.Password,
		"FTP_TLS", "off", "OUTPUT_DIR", dir, "SERVER_IDENTITY", v.Pins().String(), "TIMEOUT", "0",
	)
	status, out, errs := start()
	if status != 1 || !strings.Contains(out, "1 file, ") || !strings.Contains(out, "; 1 failure; ") {
		t.Errorf("status %d:\n%s", status, out)
	}
	if !strings.Contains(errs,
		"driver: checkpoint: the end of the manifest was cut off: line 1 missing, of 2 that were signed\n") ||
		!strings.Contains(errs, "driver: hint: leave output directory and outbox as they are") {
		t.Errorf("failures:\n%s", errs)
	}
}

// Where there is neither checkpoint nor manifest the directory is likely wrong.
func TestWrongDirectoryAfterTheRightOne(t *testing.T) {
	v := drivertest.NewVolume(t)
	v.Add("a.txt", []byte("one"))
	v.PutCheckpoint(1)
	dir := t.TempDir()
	for _, test := range []struct {
		served string
		status int
		hint   string
	}{{v.Dir, 0, ""}, {t.TempDir(), 1, "driver: hint: DRIVER_FTP_DIR, or else the FTP user's directory, must be"}} {
		env(t,
			"FTP_ADDR", drivertest.Serve(t, test.served, nil), "FTP_USER", drivertest.User, "FTP_PASSWORD", drivertest.Password,
			"FTP_TLS", "off", "OUTPUT_DIR", dir, "SERVER_IDENTITY", v.Pins().String(), "TIMEOUT", "0",
		)
		if status, _, errs := start(); status != test.status || !strings.Contains(errs, test.hint) {
			t.Errorf("status %d:\n%s", status, errs)
		}
	}
}

func TestServersWordsCannotDriveTheTerminal(t *testing.T) {
	for said, hint := range map[string]string{
		"530 go\x1b[2Jaway":                        "check DRIVER_FTP_USER",
		"220 hello\r\n500 OOPS: \x1b[2Jaway":       "must be able to enter the directory",
		"500 OOPS: cannot change to /s\x1b[2Jaway": "must be able to enter the directory",
	} {
		l := nettest.Listen(t)
		served := make(chan error, 1)
		go func() { served <- greet(l, said) }()
		env(t,
			"FTP_ADDR", l.Addr().String(), "FTP_USER", "u", "FTP_PASSWORD", "p", "FTP_TLS", "off", "OUTPUT_DIR", t.TempDir(),
		)
		status, _, errs := start()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		if status != 1 || strings.Contains(errs, "\x1b") || !strings.Contains(errs, `\x1b[2Jaway`) ||
			!strings.Contains(errs, hint) {
			t.Errorf("status %d: %q", status, errs)
		}
	}
}

// greet greets whoever comes until l is closed.
func greet(l net.Listener, said string) error {
	for came := 0; ; came++ {
		conn, err := l.Accept()
		if err != nil {
			if came == 0 {
				return err
			}
			return nil
		}
		_, err = conn.Write([]byte(said + "\r\n"))
		conn.(*net.TCPConn).CloseWrite()
		conn.Read(make([]byte, 64)) // QUIT, or the end
		conn.Close()
		if err != nil {
			return err
		}
	}
}

func TestUsage(t *testing.T) {
	env(t)
	for _, test := range []struct {
		args   []string
		status int
		out    string
		err    string
	}{
		{[]string{"-h"}, 0, "usage: driver", ""},
		{[]string{"local", "-h"}, 0, "usage: driver", ""},
		{[]string{"version"}, 0, "driver " + build.Read().Version + ", revision ", ""},
		{[]string{"-version"}, 0, "driver " + build.Read().Version + ", revision ", ""},
		{[]string{"--version"}, 0, "driver " + build.Read().Version + ", revision ", ""},
		{[]string{"version", "x"}, 2, "", "takes no argument"},
		{[]string{"collect"}, 2, "", `no command "collect"`},
		{[]string{"-follow", "x"}, 2, "", `-follow takes no argument "x"`},
		{[]string{"-json", "local"}, 2, "", "-json goes with collecting alone"},
		{[]string{"local", "x"}, 2, "", "takes no argument"},
		{[]string{"local", "-x"}, 2, "", "driver: hint: driver -h"},
		{nil, 2, "", "driver: DRIVER_FTP_ADDR: must be set\ndriver: DRIVER_FTP_USER: must be set\n" +
			"driver: DRIVER_FTP_PASSWORD: must be set\n"},
	} {
		status, out, errs := start(test.args...)
		if status != test.status || !strings.Contains(out, test.out) || !strings.Contains(errs, test.err) {
			t.Errorf("%q: status %d, out %q, err %q", test.args, status, out, errs)
		}
	}
}

// The server of the one-machine run reads TZ as any other.
func TestNoTimeZone(t *testing.T) {
	env(t)
	t.Setenv("TZ", "Mars/Phobos")
	status, _, errs := start("local")
	if status != 2 || !strings.Contains(errs, `driver: TZ="Mars/Phobos": must be the name of a time zone`) {
		t.Errorf("status %d:\n%s", status, errs)
	}
}

func TestBadSettingsAreAllNamed(t *testing.T) {
	env(t,
		"FTP_ADDR", "no host", "FTP_USER", "u", "FTP_PASSWORD", "p", "FTP_TLS", "implicit",
		"TIMEOUT", "soon", "FTP_CONNECTIONS", "0", "LOG_LEVEL", "loud", "OUTPUTDIR", "x",
	)
	status, _, errs := start()
	if status != 2 {
		t.Errorf("status %d", status)
	}
	for _, name := range []string{"FTP_ADDR", "FTP_TLS", "TIMEOUT", "FTP_CONNECTIONS", "LOG_LEVEL", "OUTPUTDIR"} {
		if !strings.Contains(errs, "DRIVER_"+name) {
			t.Errorf("DRIVER_%s is not named:\n%s", name, errs)
		}
	}
}
