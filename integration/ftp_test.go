package integration

import (
	"crypto/tls"
	"io"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"
)

// ftpControl is the control connection of an FTP session, under TLS.
type ftpControl struct {
	t    *testing.T
	raw  *net.TCPConn
	text *textproto.Conn
}

// dialFTP connects and begins TLS.
func dialFTP(t *testing.T, address string) *ftpControl {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, stepTimeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(stepTimeout)); err != nil {
		t.Fatal(err)
	}
	c := &ftpControl{t: t, raw: conn.(*net.TCPConn), text: textproto.NewConn(conn)}
	c.hear(220)
	c.say(234, "AUTH TLS")
	secured := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // whoever it is: it is its log that counts
	if err := secured.Handshake(); err != nil {
		t.Fatal(err)
	}
	c.text = textproto.NewConn(secured)
	return c
}

func (c *ftpControl) hear(code int) {
	c.t.Helper()
	if _, _, err := c.text.ReadResponse(code); err != nil {
		c.t.Fatal(err)
	}
}

func (c *ftpControl) say(code int, command string) {
	c.t.Helper()
	if err := c.text.PrintfLine("%s", command); err != nil {
		c.t.Fatal(err)
	}
	c.hear(code)
}

// cut ends the connection without an end of TLS, and returns when the server has ended
// its side too.
func (c *ftpControl) cut() {
	c.t.Helper()
	if err := c.raw.CloseWrite(); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c.raw); err != nil && !strings.Contains(err.Error(), "reset") {
		c.t.Fatal(err)
	}
}

// awaitLog waits until a service's log has a text, and returns the log.
func (s *stack) awaitLog(service, text string) string {
	s.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(stepTimeout); ; {
		log := s.run("logs", "--no-color", "--no-log-prefix", service)
		if strings.Contains(log, text) {
			return log
		}
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("waited in vain for %q in the log of %s:\n%s", text, service, log)
		}
	}
}
