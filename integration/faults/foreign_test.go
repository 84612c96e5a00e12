package faults

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/shared/logfile"
)

// foreigners are what somebody else may put in the place of the next log file.
var foreigners = []func(path string) error{
	func(path string) error { return os.WriteFile(path, []byte("not ours"), 0o600) },
	func(path string) error { return os.Mkdir(path, 0o700) },
	func(path string) error { return os.Symlink("nowhere", path) },
}

// TestForeignFile puts something in the place of the next number. The server is
// red and says what is in the way; it neither replaces nor skips it, and goes on
// by itself when it is gone.
func TestForeignFile(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	f := newFleet(s, s.listen, 1, defaultStall)
	s.start()
	s.await(ready)
	for range 3 {
		f.mustDeliver(f.next())
	}
	for _, put := range foreigners {
		s.withForeigner(f, put, false)
		s.withForeigner(f, put, true)
	}
	f.sendAll()
	s.stop()
	results.report(t, "08 foreign file in the next place", s.audit(f.ledger))
}

// withForeigner puts it there while the server runs, or before it starts.
func (s *server) withForeigner(f *fleet, put func(string) error, restart bool) {
	s.t.Helper()
	next := logfile.FileName(uint64(s.kept()))
	path := filepath.Join(s.data, "logs", next)
	if restart {
		s.kill()
	}
	if err := put(path); err != nil {
		s.t.Fatal(err)
	}
	before, err := os.Lstat(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if restart {
		s.start()
	}
	p := f.next()
	delivered := make(chan error, 1)
	go func() { delivered <- f.deliver(s.t.Context(), p) }()
	s.until(func(ctx context.Context) (bool, string) {
		if len(delivered) > 0 {
			s.t.Fatalf("%s was replaced or skipped", next)
		}
		status, reason := s.readyz(ctx)
		return status == red && strings.Contains(reason, next), reason
	})
	s.refused(1)
	after, err := os.Lstat(path)
	if err != nil || !os.SameFile(before, after) || after.ModTime() != before.ModTime() {
		s.t.Errorf("the foreign file was touched: %v, %v", after, err)
	}
	if err := os.Remove(path); err != nil {
		s.t.Fatal(err)
	}
	s.await(ready)
	if err := <-delivered; err != nil {
		s.t.Fatal(err)
	}
	if got := logfile.FileName(uint64(s.kept()) - 1); got != next {
		s.t.Errorf("the message went to %s, not to %s", got, next)
	}
}

// mustDeliver sends one message.
func (f *fleet) mustDeliver(p parcel) {
	f.t.Helper()
	if err := f.deliverSoon(p); err != nil {
		f.t.Fatal(err)
	}
}
