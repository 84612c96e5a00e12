package faults

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestCopies copies the volumes of a server under load, again and again, and starts
// a server on each copy: it is verified without a difference, holds what was
// receipted before it, and goes on with the next number. Plain copies of the same
// directories, made beside them, are counted and not judged: how many of them open,
// and yet lack files, depends on the moment.
func TestCopies(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	f := newFleet(s, s.listen, 3, defaultStall)
	s.start()
	s.await(ready)
	f.pickup = pickupFrom(s.data)
	stopPolling := f.poll(s.data)
	load := f.load(24)
	var plain plainCopies
	for i := range rounds(2, 20) {
		f.await(200)
		s.copied(f, uint64(i))
		f.await(200)
		plain.try(s)
	}
	load.finish()
	f.settle(s.data, stopPolling)
	s.stop()
	results.report(t, "17 copied under load", s.audit(f.ledger))
	t.Logf("plain copies: %d, of which %d open, %d of those lack files (%d files in all)",
		plain.made, plain.opened, plain.lacking, plain.files)
}

// copied makes a copy, and uses it.
func (s *server) copied(f *fleet, round uint64) {
	s.t.Helper()
	dir := filepath.Join(s.t.TempDir(), "copy")
	defer os.RemoveAll(dir)
	before := uint64(f.ledger.Receipted())
	out, complaint, status := s.command("copy", dir)
	match := regexp.MustCompile(`^(\d+) messages copied .* next number (\d+)\n$`).FindStringSubmatch(out)
	if status != 0 || match == nil || match[1] != match[2] {
		s.t.Fatalf("copy ends with %d:\n%s%s", status, out, complaint)
	}
	next, err := strconv.ParseUint(match[2], 10, 64)
	if err != nil || next < before {
		s.t.Fatalf("%d messages are copied of %d with receipts: %v", next, before, err)
	}
	c := serverOn(s.t, filepath.Join(dir, "data"), filepath.Join(dir, "state"))
	if out, complaint, status := c.command("verify"); status != 0 || out != match[1]+" messages checked, 0 differ\n" {
		s.t.Errorf("verify of a copy of %d messages ends with %d:\n%s%s", next, status, out, complaint)
	}
	c.start()
	c.await(ready)
	defer c.stop()
	to := f.senders[0].courier(c.listen, defaultStall)
	defer to.Close()
	for i := range uint64(2) {
		d, err := to.Deliver(patient(s.t), newParcel(0, f.seed+1, round*2+i).Message)
		if err != nil || d.Entry.Seq != next+i {
			s.t.Errorf("message %d of a copy: %+v, %v", next+i, d.Entry, err)
		}
	}
}

// plainCopies are those that a running server's volumes do not allow.
type plainCopies struct{ made, opened, lacking, files int }

func (p *plainCopies) try(s *server) {
	s.t.Helper()
	dir := s.t.TempDir()
	defer os.RemoveAll(dir)
	// Files that go while they are copied make cp complain, and it goes on.
	err := errors.Join(copyTree(s.data, dir), copyTree(s.state, dir))
	if _, there := os.Stat(filepath.Join(dir, "state")); there != nil {
		s.t.Fatal(err)
	}
	p.made++
	c := serverOn(s.t, filepath.Join(dir, "data"), filepath.Join(dir, "state"))
	c.start()
	if status, _ := c.answers(); status != ready {
		return
	}
	c.stop()
	p.opened++
	out, _, _ := c.command("verify")
	if gone := strings.Count(out, ": missing\n"); gone > 0 {
		p.lacking++
		p.files += gone
	}
}
