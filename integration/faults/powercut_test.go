package faults

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"
)

// TestPowerCuts cuts the power of the server's disk under load, again and
// again. Each time the disk is looked at before the server is back: a name may
// be missing, but one that is there has all its bytes. Then the server recovers
// and the volume is held to the receipts.
//
// The state volume is on another disk, which keeps its power, or on the same.
// What is cut is the file system: a disk that does not do the flushes it
// reports cannot be shown this way.
func TestPowerCuts(t *testing.T) {
	t.Parallel()
	for i, test := range []struct {
		name, kind, options string
		sameDisk            bool
		rounds, disks       int
	}{
		// ext4's own commit every five seconds would hide a missing flush.
		{"ext4", "ext4", "commit=600", false, rounds(4, 20), rounds(1, 8)},
		{"ext4, state on the same disk", "ext4", "commit=600", true, rounds(2, 20), rounds(1, 2)},
		{"xfs", "xfs", "", false, rounds(3, 20), rounds(1, 5)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(*seed, 400+uint64(i)))
			// Each round reads the whole disk: a fresh one keeps that short.
			for n := range test.disks {
				t.Run(fmt.Sprint("disk ", n), func(t *testing.T) {
					d := newDisk(t, test.kind, "1G", test.options)
					state := filepath.Join(t.TempDir(), "state")
					if test.sameDisk {
						state = filepath.Join(d.dir, "state")
					}
					s := serverOn(t, filepath.Join(d.dir, "data"), state, forDisk)
					powerCuts(t, "04 power cut: "+test.name, s, d, test.rounds, random)
				})
			}
		})
	}
}

func powerCuts(t *testing.T, fault string, s *server, d *disk, rounds int, random *rand.Rand) {
	d.must("sync", "-f", d.dir) // the directories were made by the test
	way := newRelay(t, "", nil)
	f := newFleet(s, way.addr(), 3, defaultStall)
	s.loseDisk(d) // the senders were added, and must stay, if their state lies there
	load := f.load(32)
	for range rounds {
		s.start()
		s.cutWithoutLoad(d, random)
		if f.ledger.Receipted() > 0 { // before that there may be no directory yet
			f.look(s.data)
		}
		s.start()
		s.await(ready)
		f.check(fault, s)
		s.cutUnderLoad(f, d, way, random)
		f.look(s.data)
	}
	s.start()
	s.await(ready)
	f.check(fault, s)
	way.lead(s.listen)
	stopPolling := f.poll(s.data)
	load.finish()
	f.settle(s.data, stopPolling)
	s.stop()
	s.loseDisk(d)
	f.look(s.data)
	results.report(t, fault, s.audit(f.ledger))
}

// loseDisk cuts the power and comes back.
func (s *server) loseDisk(d *disk) {
	s.t.Helper()
	d.cut(s.processes()...)
	s.kill()
	d.remount()
}

// cutWithoutLoad cuts the power somewhere between exec and the end of recovery,
// or right behind it.
func (s *server) cutWithoutLoad(d *disk, random *rand.Rand) {
	s.t.Helper()
	if random.IntN(2) == 0 {
		s.await(ready)
	} else {
		// The pause is the fault's moment, not a wait for something.
		<-time.After(time.Duration(random.IntN(60_000)) * time.Microsecond)
	}
	s.loseDisk(d)
}

// cutUnderLoad lets the load in, which found no way so far, and cuts the power
// after some receipts; now and then after the server was stopped in order.
func (s *server) cutUnderLoad(f *fleet, d *disk, way *relay, random *rand.Rand) {
	s.t.Helper()
	stopPolling := f.poll(s.data)
	way.lead(s.listen)
	f.await(20 + random.IntN(300))
	if random.IntN(3) == 0 {
		way.lead("")
		s.stop()
	}
	d.cut(s.processes()...)
	way.lead("")
	_ = stopPolling() // it reads until the disk is gone
	s.kill()
	d.remount()
}

// check holds a volume that was recovered to what the senders know, before they
// send any more.
func (f *fleet) check(fault string, s *server) {
	f.t.Helper()
	if r := s.audit(f.ledger); !r.OK() {
		results.report(f.t, fault, r)
		f.t.FailNow()
	}
}
