package faults

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestVolumeFull fills the server's volume with somebody else's file under
// load. Senders hear "try again"; once the space is back everything is
// delivered, by the same process.
func TestVolumeFull(t *testing.T) {
	t.Parallel()
	d := newDisk(t, "ext4", map[bool]string{false: "96M", true: "256M"}[*full], "")
	s := serverOn(t, filepath.Join(d.dir, "data"), filepath.Join(t.TempDir(), "state"), forDisk)
	f := newFleet(s, s.listen, 3, defaultStall)
	s.start()
	s.await(ready)
	f.pickup = pickupFrom(s.data)
	stopPolling := f.poll(s.data)
	load := f.load(16)
	random := rand.New(rand.NewPCG(*seed, 5))
	for range rounds(2, 20) {
		f.await(30 + random.IntN(100))
		d.fill("filler")
		if reason := s.await(red); !strings.Contains(reason, "space") {
			t.Errorf("red for another reason: %s", reason)
		}
		if _, says, status := s.command("healthcheck"); status != 1 || !strings.Contains(says, "hint: make room on") {
			t.Errorf("the health check ends with %d and says %q", status, says)
		}
		s.refused(s.refusedNow() + 5)
		s.clientHearsTryAgain(f)
		d.empty("filler")
		s.await(ready)
	}
	load.finish()
	f.settle(s.data, stopPolling)
	if closed(s.exited) {
		t.Error("the server did not survive")
	}
	s.stop()
	results.report(t, "05 volume full", s.audit(f.ledger))
}

// fill takes all the space that is left.
func (d *disk) fill(name string) {
	d.t.Helper()
	f, err := os.Create(filepath.Join(d.dir, name))
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for at, size := int64(0), int64(16<<20); size > 0; {
		err := unix.Fallocate(int(f.Fd()), 0, at, size)
		switch {
		case err == nil:
			at += size
		case errors.Is(err, unix.ENOSPC):
			size /= 2
		case !errors.Is(err, unix.EINTR):
			d.t.Fatal(err)
		}
	}
}

func (d *disk) empty(name string) {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.dir, name)); err != nil {
		d.t.Fatal(err)
	}
}

// clientHearsTryAgain runs a client with little patience: it ends with "not
// known to be delivered". Its message goes on under the same id later.
func (s *server) clientHearsTryAgain(f *fleet) {
	s.t.Helper()
	p := f.next()
	cmd, _ := clientFor(patient(s.t), s.t, s, f.senders[p.from], p.Message)
	cmd.Env = append(cmd.Env, "CLIENT_TIMEOUT=1s")
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 4 {
		s.t.Errorf("a client ends with %d:\n%s", cmd.ProcessState.ExitCode(), out)
	}
}

// refusedNow is how many messages the server has refused so far.
func (s *server) refusedNow() float64 {
	s.t.Helper()
	n, err := s.metric(patient(s.t), refusals)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}
