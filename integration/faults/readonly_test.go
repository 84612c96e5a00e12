package faults

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadOnlyAtStart starts a server on a volume that is mounted read-only. It
// says so, and serves once it is writable, by itself.
//
// A volume on which a server runs cannot be remounted read-only: files are open
// for writing. What can happen to it is in TestReadOnlyUnderLoad.
func TestReadOnlyAtStart(t *testing.T) {
	t.Parallel()
	d := newDisk(t, "ext4", "128M", "")
	s := serverOn(t, filepath.Join(d.dir, "data"), filepath.Join(t.TempDir(), "state"), forDisk)
	f := newFleet(s, s.listen, 3, defaultStall)
	s.start()
	s.await(ready)
	load := f.load(8)
	for range rounds(2, 20) {
		f.await(20)
		s.kill()
		if err := d.change("ro"); err != nil {
			t.Fatal(err)
		}
		s.start()
		if status, reason := s.answers(); status != red || !strings.Contains(reason, "read-only") {
			t.Fatalf("on a read-only volume: %d %s", status, reason)
		}
		s.refused(1)
		if err := d.change("rw"); err != nil {
			t.Fatal(err)
		}
		s.await(ready)
	}
	load.finish()
	f.sendAll()
	s.stop()
	results.report(t, "05 volume read-only at the start", s.audit(f.ledger))
}

// TestReadOnlyUnderLoad has ext4 find an error and turn read-only, as it does
// with errors=remount-ro when the disk below it fails. There is no way back but
// to mount it anew.
func TestReadOnlyUnderLoad(t *testing.T) {
	t.Parallel()
	const fault = "05 volume turns read-only"
	d := newDisk(t, "ext4", "256M", "commit=600,errors=remount-ro")
	way := newRelay(t, "", nil)
	s := serverOn(t, filepath.Join(d.dir, "data"), filepath.Join(t.TempDir(), "state"), forDisk)
	f := newFleet(s, way.addr(), 3, defaultStall)
	s.start()
	s.await(ready)
	stopPolling := f.poll(s.data)
	load := f.load(16)
	for range rounds(2, 30) {
		way.lead(s.listen)
		f.await(50)
		d.fail()
		// What the server meets first is a matter of the moment.
		if reason := s.await(red); !strings.Contains(reason, "read-only") && !strings.Contains(reason, "input/output error") {
			t.Errorf("red for another reason: %s", reason)
		}
		way.lead("")
		way.shed()
		if err := stopPolling(); err != nil { // what is there can still be read
			t.Error(err)
		}
		s.kill()
		d.remount()
		f.look(s.data)
		s.start()
		s.await(ready)
		f.check(fault, s)
		stopPolling = f.poll(s.data)
	}
	way.lead(s.listen)
	load.finish()
	f.settle(s.data, stopPolling)
	s.stop()
	results.report(t, fault, s.audit(f.ledger))
}

// fail has ext4 find an error.
func (d *disk) fail() {
	d.t.Helper()
	trigger := filepath.Join("/sys/fs/ext4", filepath.Base(d.devices()[0]), "trigger_fs_error")
	if err := os.WriteFile(trigger, []byte("1"), 0); err != nil {
		d.t.Fatal(err)
	}
}
