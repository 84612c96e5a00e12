package faults

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestWatchedOutbox puts files in bursts into an outbox that clients watch, and
// kills the server, kills clients and cuts the power of the outbox's disk
// meanwhile. Every file is one log file, lies in sent with its receipt, and is
// collected once; nothing else is left in the outbox. After a last power cut it
// is all there still: that is when the outbox and its receipts are looked at.
func TestWatchedOutbox(t *testing.T) {
	t.Parallel()
	d := newDrill(t)
	faults := d.draw(map[fault]int{
		serverKilled: rounds(2, 10), clientKilled: rounds(2, 5), outboxCut: rounds(1, 2),
	})
	d.server.start()
	d.server.await(ready)
	d.watch()
	left := rounds(600, 20_000)
	for i, f := range faults {
		burst := 1 + d.random.IntN(2*left/(len(faults)-i+1))
		left -= burst
		d.under(f, burst)
	}
	d.put(left)
	d.await(len(d.box.files))
	d.finish()
	d.server.stop()
	r := d.server.audit(d.box.account())
	results.report(t, "32 watched outbox: kills and power cuts", r)
	if r.Found != len(d.box.files) {
		t.Errorf("%d messages were found of %d files", r.Found, len(d.box.files))
	}
	d.collect()
}

// drill is an outbox on a disk of its own with the clients that watch it, and
// their server, whose volumes are elsewhere.
type drill struct {
	t       *testing.T
	server  *server
	disk    *disk
	box     *box
	putter  putter
	kept    *pickup
	random  *rand.Rand
	clients []*exec.Cmd
	log     *os.File // of all clients
}

const watchers = 3

func newDrill(t *testing.T) *drill {
	t.Helper()
	// ext4's own commit every five seconds would hide a missing flush.
	disk := newDisk(t, "ext4", "1G", "commit=600")
	s := newServer(t)
	// Not the root of the file system, which has a directory of its own.
	dir := filepath.Join(disk.dir, "outbox")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	disk.must("sync", "-f", dir)
	d := &drill{
		t: t, server: s, disk: disk, box: boxIn(dir, s, s.listen), kept: pickupFrom(s.data),
		random: rand.New(rand.NewPCG(*seed, 32)), clients: make([]*exec.Cmd, watchers),
	}
	d.putter.box = d.box
	var err error
	if d.log, err = os.Create(filepath.Join(t.TempDir(), "client.log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.killClients()
		showLog(t, "client", d.log)
	})
	return d
}

// fault is what happens while the files of a burst are on their way.
type fault int

const (
	serverKilled fault = iota
	clientKilled
	outboxCut
)

// draw puts so many faults of each kind into an order.
func (d *drill) draw(counts map[fault]int) []fault {
	var faults []fault
	for f := serverKilled; f <= outboxCut; f++ {
		for range counts[f] {
			faults = append(faults, f)
		}
	}
	d.random.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	return faults
}

// put puts in a burst that nothing disturbs.
func (d *drill) put(files int) {
	d.t.Helper()
	d.putter.write(files)
	d.putter.show(false)
	d.putter.sync()
}

// under puts in a burst and does something bad once some of what waits is kept.
// The putter may not have come to its last flush when the power is cut.
func (d *drill) under(f fault, files int) {
	d.t.Helper()
	d.putter.write(files)
	d.putter.show(false)
	if f != outboxCut || d.random.IntN(2) == 0 {
		d.putter.sync()
	}
	kept, all := d.lines(), len(d.box.files)
	if kept > all {
		d.t.Fatalf("%d messages are kept of %d files", kept, all)
	}
	d.await(kept + d.random.IntN(all-kept+1))
	switch f {
	case serverKilled:
		d.server.kill()
		d.server.start()
	case clientKilled:
		d.killClient(d.random.IntN(len(d.clients)))
		d.watch()
	case outboxCut:
		d.loseOutbox()
		d.putter.show(true)
		d.putter.sync()
		d.watch()
	}
}

// lines is how many messages the server has kept. It remembers what it has read.
func (d *drill) lines() int {
	n, err := d.kept.listed(math.MaxUint64)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // it is not there before the first message
		d.t.Fatal(err)
	}
	return int(n)
}

// await waits until the server has kept so many messages.
func (d *drill) await(target int) {
	d.t.Helper()
	d.server.until(func(context.Context) (bool, string) {
		n := d.lines()
		return n >= target, fmt.Sprintf("%d messages of %d are kept", n, target)
	})
}
