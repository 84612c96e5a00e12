package collector_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/shared/logfile"
)

func TestCutTransferGoesOnWhereItEnded(t *testing.T) {
	for name, end := range map[string]string{
		"called complete": "226 done",
		"called cut":      "426 cut",
		"421":             "421 timeout",
		"called missing":  "550 it broke",
		"no word":         "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := sampleVolume(t, 4)
			if end == "" {
				inTime(t, func(deadline time.Duration) error { return cutTransfer(t, v, end, deadline) })
			} else if err := cutTransfer(t, v, end, 0); err != nil {
				t.Error(err)
			}
		})
	}
}

// cutTransfer collects from a server that cuts one transfer once, with end for a
// reply to it.
func cutTransfer(t *testing.T, v *drivertest.Volume, end string, timeout time.Duration) error {
	t.Helper()
	var cut atomic.Bool
	m := &misbehaving{files: filesOf(v)}
	m.send = func(data net.Conn, name string, body []byte) string {
		if name == "server_message3.txt" && cut.CompareAndSwap(false, true) {
			data.Write(body[:100<<10])
			return end
		}
		data.Write(body)
		return "226 done"
	}
	cfg := config(t, m.start(t))
	cfg.Connections, cfg.Timeout = 1, timeout
	_, result, err := collect(t, cfg)
	if err := errors.Join(append(result.Failures, err)...); err != nil {
		return err
	}
	if n := len(m.seen("USER")); n != 2 {
		return fmt.Errorf("%d sessions, want a fresh one after the cut", n)
	}
	if got := m.seen("REST"); len(got) != 1 || got[0] != "REST 102400" {
		return fmt.Errorf("resumed with %q", got)
	}
	sameFiles(t, v, cfg.Dir)
	return nil
}

func TestResumesWhatAnEarlierRunLeft(t *testing.T) {
	v := sampleVolume(t, 4)
	body := v.Read("server_message3.txt")
	for _, test := range []struct {
		name string
		part []byte
		rest []string
	}{
		{"a part", body[:1000], []string{"REST 1000"}},
		{"all of it", body, nil},
		{"too much", append(bytes.Clone(body), 'x'), nil},
		{"other bytes", bytes.Repeat([]byte("x"), 1000), []string{"REST 1000"}},
		{"other bytes, all of them", bytes.Repeat([]byte("x"), len(body)), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := &misbehaving{files: filesOf(v)}
			cfg := config(t, m.start(t))
			part := filepath.Join(cfg.Dir, ".server_message3.txt.part")
			if err := os.WriteFile(part, test.part, 0o644); err != nil {
				t.Fatal(err)
			}
			mustCollect(t, cfg)
			sameFiles(t, v, cfg.Dir)
			if got := m.seen("REST"); len(got) != len(test.rest) || len(got) > 0 && got[0] != test.rest[0] {
				t.Errorf("resumed with %q, want %q", got, test.rest)
			}
		})
	}
}

func TestFileThatIsNotWhatTheManifestSays(t *testing.T) {
	change := func(at int) func(m *misbehaving) {
		return func(m *misbehaving) {
			body := bytes.Clone(m.files["server_message3.txt"])
			body[(at+len(body))%len(body)] ^= 1
			m.files["server_message3.txt"] = body
		}
	}
	for _, test := range []struct {
		name   string
		change func(m *misbehaving)
		want   error
	}{
		{"first byte", change(0), collector.ErrDigest},
		{"in the message", change(1000), collector.ErrDigest},
		{"last byte", change(-1), collector.ErrDigest},
		{"shorter", func(m *misbehaving) { m.files["server_message3.txt"] = m.files["server_message3.txt"][1:] },
			collector.ErrSize},
		{"longer", func(m *misbehaving) { m.files["server_message3.txt"] = append(m.files["server_message3.txt"], 'x') },
			collector.ErrSize},
		{"size below zero", func(m *misbehaving) {
			m.reply = func(c *ftpClient, command, argument string) bool {
				lie := command == "SIZE" && argument == "server_message3.txt"
				if lie {
					c.say("213 -1")
				}
				return lie
			}
			m.send = func(data net.Conn, name string, body []byte) string { // so that it is asked for
				if name == "server_message3.txt" {
					body = body[1:]
				}
				data.Write(body)
				return "226 done"
			}
		}, collector.ErrSize},
		{"shorter than its size", func(m *misbehaving) {
			m.send = func(data net.Conn, name string, body []byte) string {
				if name == "server_message3.txt" {
					body = nil
				}
				data.Write(body)
				return "226 done"
			}
		}, collector.ErrCut},
		{"stalls", func(m *misbehaving) {
			m.send = func(data net.Conn, name string, body []byte) string {
				if name != "server_message3.txt" {
					data.Write(body)
					return "226 done"
				}
				data.Write(body[:10])
				io.Copy(io.Discard, data) // until the client gives up
				return ""
			}
		}, os.ErrDeadlineExceeded},
		{"not there", func(m *misbehaving) { delete(m.files, "server_message3.txt") }, collector.ErrMissing},
	} {
		for way, inMemory := range ways {
			t.Run(test.name+", "+way, func(t *testing.T) {
				t.Parallel()
				v := sampleVolume(t, 6)
				cfg := config(t, "")
				cfg.Attempts, cfg.MaxInMemory = 2, inMemory
				if errors.Is(test.want, os.ErrDeadlineExceeded) {
					inTime(t, func(deadline time.Duration) error {
						cfg.Timeout, cfg.Dir = deadline, t.TempDir()
						return oneFails(t, v, cfg, test.change, test.want)
					})
				} else if err := oneFails(t, v, cfg, test.change, test.want); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// ways are how a file comes, by what of it may be in memory.
var ways = map[string]int64{"into a file": -1, "into memory": 1 << 20}

// oneFails collects from a server whose message 3 is not as it should be.
func oneFails(t *testing.T, v *drivertest.Volume, cfg collector.Config, change func(*misbehaving), want error) error {
	t.Helper()
	m := &misbehaving{files: filesOf(v)}
	change(m)
	cfg.Addr = m.start(t)
	items, result, err := collect(t, cfg)
	if err != nil {
		return err
	}
	if len(result.Failures) != 1 || !errors.Is(result.Failures[0], want) || result.New != 5 {
		return fmt.Errorf("%+v, want %w", result, want)
	}
	if items[3].Err == nil {
		return errors.New("the item has no error")
	}
	if _, err := os.Lstat(filepath.Join(cfg.Dir, "server_message3.txt")); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("it has its name: %w", err)
	}
	return nil
}

func TestLogFileThatContradictsItsLine(t *testing.T) {
	v := sampleVolume(t, 4)
	for name, change := range map[string]func(e *logfile.Entry){
		"name":       func(e *logfile.Entry) { e.Name = "other.bin" },
		"sender":     func(e *logfile.Entry) { e.Sender = "store-18" },
		"id":         func(e *logfile.Entry) { e.ID[0]++ },
		"size":       func(e *logfile.Entry) { e.Size-- },
		"enciphered": func(e *logfile.Entry) { e.EncryptedSize++ },
		"digest":     func(e *logfile.Entry) { e.SHA256[0]++ },
	} {
		for way, inMemory := range ways {
			t.Run(name+", "+way, func(t *testing.T) {
				m := &misbehaving{files: filesOf(v)}
				e := v.Entries[3]
				change(&e)
				m.files[logfile.ManifestName] = []byte(v.Lines(3) + v.Line(e) + "\n")
				cfg := config(t, m.start(t))
				cfg.MaxInMemory = inMemory
				_, result, err := collect(t, cfg)
				if err != nil || len(result.Failures) != 1 || !errors.Is(result.Failures[0], collector.ErrContent) {
					t.Errorf("%v, %+v", err, result)
				}
			})
		}
	}
}
