package faults

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sealpost/shared/logfile"
)

// TestRetiringKilled kills the server again and again while it removes the files of
// retired messages, under load. A file that is gone has a durable note that names it, so
// verify is green before the next start, and that start removes everything that was
// asked for and nothing else.
func TestRetiringKilled(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	f := newFleet(s, s.listen, 3, defaultStall)
	s.start()
	s.await(ready)
	load := f.load(24)
	var cut int
	first := uint64(0)
	for range rounds(4, 60) {
		f.await(700)
		next := uint64(f.ledger.Receipted()) // every number below it is kept and signed for
		s.killRetiring(first, next)
		if s.filesBetween(first, next) > 0 {
			cut++
		}
		if out, complaint, status := s.command("verify"); status != 0 {
			t.Errorf("verify after the kill ends with %d:\n%s%s", status, out, complaint)
		}
		s.start()
		s.await(ready)
		s.until(func(context.Context) (bool, string) {
			left := s.filesBetween(0, next)
			return left == 0, fmt.Sprintf("%d files of retired messages are left", left)
		})
		first = next
	}
	load.finish()
	s.stop()
	kept := uint64(f.ledger.Receipted())
	if there := s.filesBetween(first, kept); uint64(there) != kept-first {
		t.Errorf("%d files are there of the %d messages that were not retired", there, kept-first)
	}
	if out, complaint, status := s.command("verify"); status != 0 {
		t.Errorf("verify at the end ends with %d:\n%s%s", status, out, complaint)
	}
	t.Logf("%d messages, %d retired, files left by %d kills", kept, first, cut)
}

// killRetiring asks for the messages from first to before next to be retired, and kills
// the server once one of their files is gone, and the command after it.
func (s *server) killRetiring(first, next uint64) {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(programs, "server"), "retire", fmt.Sprintf("%d-%d", first, next-1))
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, s.log, s.log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	defer func() {
		s.kill()
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	}()
	ctx := patient(s.t)
	for s.has(first) {
		if ctx.Err() != nil {
			s.t.Fatalf("message %d is not retired", first)
		}
	}
}

// filesBetween counts the log files of the numbers from first to before next.
func (s *server) filesBetween(first, next uint64) (n int) {
	s.t.Helper()
	for seq := first; seq < next; seq++ {
		if s.has(seq) {
			n++
		}
	}
	return n
}

// has looks for a log file in the flat layout.
func (s *server) has(seq uint64) bool {
	s.t.Helper()
	_, err := os.Lstat(filepath.Join(s.data, "logs", logfile.FileName(seq)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.t.Fatal(err)
	}
	return err == nil
}
