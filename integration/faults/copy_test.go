package faults

import (
	"errors"
	"fmt"
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
	var plain plainCopies
	for range rounds(1, 4) { // few on each server: a copy takes longer the more there is, and more comes meanwhile
		copyUnderLoad(t, rounds(2, 5), &plain)
	}
	t.Logf("plain copies: %d, of which %d open, %d of those lack files (%d files in all)",
		plain.made, plain.opened, plain.lacking, plain.files)
}

func copyUnderLoad(t *testing.T, copies int, plain *plainCopies) {
	s := newServer(t)
	f := newFleet(s, s.listen, 3, defaultStall)
	s.start()
	s.await(ready)
	f.pickup = pickupFrom(s.data)
	stopPolling := f.poll(s.data)
	for i := range copies {
		dir := t.TempDir()
		load := f.load(24)
		f.await(200)
		next := s.copyTo(f, filepath.Join(dir, "copy"))
		f.await(200)
		s.copyPlainly(filepath.Join(dir, "plain"))
		load.finish()
		s.useCopy(f, filepath.Join(dir, "copy"), next, uint64(i))
		plain.judge(s, filepath.Join(dir, "plain"))
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	}
	f.settle(s.data, stopPolling)
	s.stop()
	results.report(t, "17 copied under load", s.audit(f.ledger))
}

// copyTo makes a copy, and returns its next number.
func (s *server) copyTo(f *fleet, dir string) (next uint64) {
	s.t.Helper()
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
	return next
}

// useCopy verifies a copy, and goes on with it.
func (s *server) useCopy(f *fleet, dir string, next, round uint64) {
	s.t.Helper()
	c := serverOn(s.t, filepath.Join(dir, "data"), filepath.Join(dir, "state"))
	out, complaint, status := c.command("verify")
	if status != 0 || out != fmt.Sprintf("%d messages checked, 0 differ\n", next) {
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

func (s *server) copyPlainly(dir string) {
	s.t.Helper()
	// Files that go while they are copied make cp complain, and it goes on.
	err := errors.Join(os.Mkdir(dir, 0o700), copyTree(s.data, dir), copyTree(s.state, dir))
	if _, missing := os.Stat(filepath.Join(dir, "state")); missing != nil {
		s.t.Fatal(err)
	}
}

func (p *plainCopies) judge(s *server, dir string) {
	s.t.Helper()
	p.made++
	c := serverOn(s.t, filepath.Join(dir, "data"), filepath.Join(dir, "state"))
	c.start()
	if status, _ := c.answers(); status != ready {
		c.kill() // it would go on writing where all is about to be removed
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
