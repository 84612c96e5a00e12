package daemon_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/shared/framing"
)

// haproxy returns the program. scripts/test installs it where it may; without it
// the test is skipped, and fails where CI is set.
func haproxy(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"haproxy", "/usr/sbin/haproxy"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("CI needs haproxy")
	}
	t.Skip("needs haproxy (Debian: haproxy)")
	return ""
}

// inFront starts a HAProxy that passes connections on to the server from
// 127.0.0.2, with the header that option asks for, and looks often whether the
// server is up. It returns the address on which it listens.
func (l *live) inFront(program, option string) string {
	l.t.Helper()
	ln, err := new(net.ListenConfig).Listen(l.t.Context(), "tcp", "127.0.0.1:0")
	check(l.t, err)
	inherited, err := ln.(*net.TCPListener).File()
	check(l.t, err)
	check(l.t, ln.Close()) // the other descriptor goes on listening
	config := filepath.Join(l.t.TempDir(), "haproxy.cfg")
	check(l.t, os.WriteFile(config, fmt.Appendf(nil, `defaults
  mode tcp
  timeout connect 1m
  timeout client 1m
  timeout server 1m
listen sealpost
  bind fd@3
  server one %s source 127.0.0.2 %s check inter 50ms
`, l.address, option), 0o600))
	cmd := exec.CommandContext(l.t.Context(), program, "-db", "-f", config)
	cmd.ExtraFiles = []*os.File{inherited}
	said := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = said, said
	check(l.t, cmd.Start())
	check(l.t, inherited.Close())
	l.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if l.t.Failed() {
			l.t.Logf("haproxy said: %s", said)
		}
	})
	return ln.Addr().String()
}

// TestHAProxy: behind a real proxy the server logs its clients' addresses, and
// the proxy's looks whether the server is up leave no warning.
func TestHAProxy(t *testing.T) {
	t.Parallel()
	program := haproxy(t)
	for _, option := range []string{"send-proxy", "send-proxy-v2"} {
		t.Run(option, func(t *testing.T) {
			t.Parallel()
			l := newLive(t)
			check(t, l.cfg.ProxyProtocolFrom.UnmarshalText([]byte("127.0.0.2")))
			l.start()
			l.ready()
			front := l.inFront(program, option)
			raw, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}).DialContext(t.Context(), "tcp", front)
			check(t, err)
			conn := tls.Client(raw, l.command.Pins().ClientTLS())
			_, err = conn.Write(framing.AppendHello(nil, l.token.Reveal()))
			check(t, err)
			if rec, err := framing.NewReader(conn).Next(); err != nil || rec.Type != framing.TypeWelcome {
				t.Fatalf("logged in: %s, %v", rec.Type, err)
			}
			if want := "client connected from " + raw.LocalAddr().String(); !strings.Contains(l.logs.String(), want) {
				t.Errorf("the log lacks %q", want)
			}
			l.eventually("looks whether the server is up",
				func() bool { return strings.Count(l.logs.String(), "proxy left") > 3 })
			check(t, conn.Close())
			_, _ = io.Copy(io.Discard, raw)
			if text := l.logs.String(); strings.Contains(text, `"level":"warn"`) {
				t.Errorf("the log warns:\n%s", text)
			}
		})
	}
}
