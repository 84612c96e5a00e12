package collector_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/shared/logfile"
	"sealpost/shared/nettest"
)

func TestSessionRefused(t *testing.T) {
	certificate, _ := drivertest.Certificate(t)
	_, otherCA := drivertest.Certificate(t)
	v := sampleVolume(t, 5)
	tlsAddr := drivertest.Serve(t, v.Dir, &certificate)
	for _, test := range []struct {
		name   string
		change func(cfg *collector.Config)
		login  bool
		verify bool
	}{
		{"wrong password", func(cfg *collector.Config) { cfg.Password = "guess" }, true, false},
		{"another authority", func(cfg *collector.Config) {
			cfg.Addr, cfg.TLS = tlsAddr, clientTLS(t, otherCA)
		}, false, true},
		{"plain to a TLS server", func(cfg *collector.Config) { cfg.Addr = tlsAddr }, false, false},
		{"TLS to a plain server", func(cfg *collector.Config) { cfg.TLS = clientTLS(t, otherCA) }, false, false},
		{"nobody there", func(cfg *collector.Config) {
			l := nettest.Listen(t)
			cfg.Addr = l.Addr().String()
			l.Close()
		}, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := config(t, drivertest.Serve(t, v.Dir, nil))
			test.change(&cfg)
			_, _, err := collect(t, cfg)
			var connect *collector.ConnectError
			if !errors.As(err, &connect) || connect.Login != test.login || connect.Verify != test.verify {
				t.Errorf("%#v", err)
			}
			if strings.Contains(fmt.Sprint(err), cfg.Password) {
				t.Error("the password is in the error")
			}
		})
	}
}

// TestServerThatBreaksDownInClear: these are vsftpd's bytes, in its pieces, after
// a log-in whose directory it cannot enter and in the middle of a session.
func TestServerThatBreaksDownInClear(t *testing.T) {
	certificate, ca := drivertest.Certificate(t)
	for _, test := range []struct{ name, verb, end string }{
		{"at the log-in", "PASS", "\r\n"},
		{"without an end", "PASS", ""},
		{"at a file", "SIZE", "\r\n"},
		{"in the middle of the handshake", "AUTH", "\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := &misbehaving{files: filesOf(sampleVolume(t, 4)), tls: &tls.Config{Certificates: []tls.Certificate{certificate}}}
			m.reply = func(c *ftpClient, command, _ string) bool {
				if command != test.verb {
					return false
				}
				raw := c.conn
				if secure, ok := c.conn.(*tls.Conn); ok {
					raw = secure.NetConn()
				} else {
					c.say("234 go ahead")
					c.in.Peek(1) // the handshake has begun
				}
				for _, piece := range []string{"500 OOPS: ", "cannot change directory:/srv/\x1b[31m", test.end} {
					io.WriteString(raw, piece)
				}
				raw.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, raw)
				raw.Close()
				return true
			}
			cfg := config(t, m.start(t))
			cfg.TLS, cfg.Attempts = clientTLS(t, ca), 2
			_, _, err := collect(t, cfg)
			var broken *collector.ServerError
			if !errors.As(err, &broken) || !broken.Clear || broken.Line != "500 OOPS: cannot change directory:/srv/\x1b[31m" {
				t.Fatalf("%v", err)
			}
			if !strings.HasSuffix(err.Error(), `500 OOPS: cannot change directory:/srv/\x1b[31m`) {
				t.Errorf("%q", err)
			}
		})
	}
}

// TestClearTextIsBounded: a server that goes on in clear for ever.
func TestClearTextIsBounded(t *testing.T) {
	certificate, ca := drivertest.Certificate(t)
	m := &misbehaving{files: filesOf(sampleVolume(t, 4)), tls: &tls.Config{Certificates: []tls.Certificate{certificate}}}
	m.reply = func(c *ftpClient, command, _ string) bool {
		if command == "PASS" {
			raw := c.conn.(*tls.Conn).NetConn()
			_, err := io.WriteString(raw, "500 OOPS: ")
			for more := strings.Repeat("x", 1000); err == nil; {
				_, err = io.WriteString(raw, more)
			}
		}
		return command == "PASS"
	}
	cfg := config(t, m.start(t))
	cfg.TLS, cfg.Attempts = clientTLS(t, ca), 1
	_, _, err := collect(t, cfg)
	var broken *collector.ServerError
	if !errors.As(err, &broken) || len(broken.Line) != 1<<10 {
		t.Errorf("%v", err)
	}
}

func TestDataConnectionsResumeTheSession(t *testing.T) {
	certificate, ca := drivertest.Certificate(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			v := sampleVolume(t, 20)
			m := &misbehaving{files: filesOf(v)}
			m.tls = &tls.Config{Certificates: []tls.Certificate{certificate}, MaxVersion: version}
			cfg := config(t, m.start(t))
			cfg.TLS = clientTLS(t, ca)
			mustCollect(t, cfg)
			sameFiles(t, v, cfg.Dir)
			if n := len(m.seen("AUTH")); n > 4 {
				t.Errorf("%d sessions for 4 connections", n)
			}
		})
	}
}

func TestServerThatFallsSilent(t *testing.T) {
	silent := func(verb string) func(*ftpClient, string, string) bool {
		return func(_ *ftpClient, command, _ string) bool { return command == verb }
	}
	for _, test := range []struct {
		name  string
		m     *misbehaving
		login bool
	}{
		{"no greeting", &misbehaving{greet: func(*ftpClient) {}}, true},
		{"no answer to USER", &misbehaving{reply: silent("USER")}, true},
		{"no answer to PASS", &misbehaving{reply: silent("PASS")}, true},
		{"no answer to SIZE", &misbehaving{reply: silent("SIZE")}, false},
		{"no answer to RETR", &misbehaving{reply: silent("RETR")}, false},
		{"no end of the transfer", &misbehaving{send: func(data net.Conn, _ string, body []byte) string {
			data.Write(body)
			return ""
		}}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			files := filesOf(sampleVolume(t, 4))
			inTime(t, func(deadline time.Duration) error {
				m := &misbehaving{files: files, greet: test.m.greet, reply: test.m.reply, send: test.m.send}
				cfg := config(t, m.start(t))
				cfg.Timeout, cfg.Attempts = deadline, 2
				_, _, err := collect(t, cfg)
				var connect *collector.ConnectError
				if !errors.Is(err, os.ErrDeadlineExceeded) { // which no slow machine explains
					t.Errorf("with %v the run ends with %v", deadline, err)
				} else if errors.As(err, &connect) != test.login {
					return fmt.Errorf("the run ends with %w", err)
				}
				return nil
			})
		})
	}
}

func TestRepliesAreBounded(t *testing.T) {
	flood := func(start, more string) func(*ftpClient) {
		return func(c *ftpClient) {
			_, err := io.WriteString(c.conn, start)
			for chunk := strings.Repeat(more, 1000); err == nil; {
				_, err = io.WriteString(c.conn, chunk)
			}
		}
	}
	for name, greet := range map[string]func(*ftpClient){
		"line without end": flood("220 ", "x"),
		"list without end": flood("220-hello\r\n", "220-hello\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			m := &misbehaving{greet: greet}
			_, _, err := collect(t, config(t, m.start(t)))
			var connect *collector.ConnectError
			if !errors.As(err, &connect) || !errors.Is(err, collector.ErrReply) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestServerThatAllowsOneConnection(t *testing.T) {
	v := sampleVolume(t, 30)
	m := &misbehaving{files: filesOf(v)}
	m.greet = func(c *ftpClient) {
		if c.number > 1 {
			c.say("421 too many connections")
			c.conn.Close()
			return
		}
		c.say("220 ready")
	}
	cfg := config(t, m.start(t))
	mustCollect(t, cfg)
	sameFiles(t, v, cfg.Dir)
}

func TestDataGoesToTheServerAlone(t *testing.T) {
	v := sampleVolume(t, 4)
	m := &misbehaving{files: filesOf(v)}
	m.reply = func(c *ftpClient, command, _ string) bool {
		switch command {
		case "EPSV":
			c.say("500 unknown")
		case "PASV": // sends the client to another host
			c.passive()
			port := c.data.Addr().(*net.TCPAddr).Port
			c.say("227 entering (192,0,2,1,%d,%d)", port/256, port%256)
		default:
			return false
		}
		return true
	}
	cfg := config(t, m.start(t))
	mustCollect(t, cfg)
	sameFiles(t, v, cfg.Dir)
}

// A reply that the FTP library panics over is the server's fault alone.
func TestServerThatTalksNonsense(t *testing.T) {
	m := &misbehaving{files: filesOf(sampleVolume(t, 4))}
	m.reply = func(c *ftpClient, command, _ string) bool {
		switch command {
		case "EPSV":
			c.say("500 unknown")
		case "PASV":
			c.say("227 )(")
		default:
			return false
		}
		return true
	}
	_, _, err := collect(t, config(t, m.start(t)))
	var manifest *collector.ManifestError
	if !errors.As(err, &manifest) || !errors.Is(err, collector.ErrGarbled) {
		t.Errorf("%v", err)
	}
}

func TestCancelledWhileTheServerIsSilent(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	m := &misbehaving{files: filesOf(sampleVolume(t, 4))}
	m.send = func(data net.Conn, name string, body []byte) string {
		if name == logfile.ManifestName {
			data.Write(body)
			return "226 done"
		}
		cancel()
		io.Copy(io.Discard, data)
		return ""
	}
	if _, err := collector.Collect(ctx, config(t, m.start(t))); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
