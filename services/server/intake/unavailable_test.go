package intake_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/standby"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
)

// While the logbook cannot be opened messages are refused with "try again
// later"; connections stay, and once it is open the same ones are served.
func TestLogbookUnavailable(t *testing.T) {
	t.Parallel()
	var usable atomic.Bool
	var book *standby.Logbook
	s := start(t, options{book: func(cfg local.Config) (logbook.Logbook, error) {
		book = standby.Open(cfg.ID, func() (logbook.Logbook, error) {
			if !usable.Load() {
				return nil, errors.New("held by another server")
			}
			return local.Open(cfg)
		}, time.Millisecond)
		return book, nil
	}})
	m := plain("a.txt", []byte("patience"))
	p := s.connect(t)
	p.write(p.whole(m))
	p.wantRefusal(0, framing.CodeUnavailable)
	s.wantRefused(t, framing.CodeUnavailable)
	key := cipher2012.DeriveKey("password")
	s.wantReset2012(t, append(key[:], cipher2012.Encrypt(key, m.plain)...))
	s.wantClosed(t, "unavailable")

	usable.Store(true)
	receive(t, book.Opened(), "the logbook")
	p.deliver(m)
	check(t, s.send2012(t, append(key[:], cipher2012.Encrypt(key, m.plain)...)))
	s.goesOn(t)
	s.wantFiles(t, 4)
}

// A commit that fails is told as "try again", and the message is not kept; the
// next one is.
func TestCommitFails(t *testing.T) {
	t.Parallel()
	s := start(t, options{volume: local.Config{RetryEvery: time.Millisecond}})
	foreign := filepath.Join(s.dir, "logs", logfile.FileName(0)) // in the place of the first
	check(t, os.WriteFile(foreign, nil, 0o600))
	m := plain("a.txt", []byte("patience"))
	p := s.connect(t)
	p.write(p.whole(m))
	p.wantRefusal(0, framing.CodeUnavailable)
	s.wantRefused(t, framing.CodeUnavailable)
	check(t, os.Remove(foreign))
	if kept, _ := s.files(t); kept != 0 { // what is staged may be the probe of the logbook that heals
		t.Errorf("there are %d log files", kept)
	}
	s.delivers(t, p, m)
	s.goesOn(t)
	s.wantFiles(t, 3)
}

// delivers offers m until the logbook has healed.
func (s *server) delivers(t *testing.T, p *peer, m parcel) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		ref := p.next
		p.write(p.whole(m))
		rec, err := p.read()
		check(t, err)
		if rec.Type == framing.TypeReceipt {
			r, err := framing.ParseReceipt(rec.Payload)
			check(t, err)
			p.wantKept(m, p.open(r.Text))
			return
		}
		r, err := framing.ParseRefusal(rec.Payload)
		check(t, err)
		if r.Ref != ref || r.Code.Class() != framing.ClassMessageLater {
			t.Fatalf("refused with %s", r.Code)
		}
	}
	t.Fatal("the logbook did not heal")
}
