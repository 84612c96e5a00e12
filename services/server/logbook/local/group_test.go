package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// groupFault is an error in one step of one group of five messages, which
// follows one message that is kept.
type groupFault struct {
	name string
	when func(s disk.Step, nth int) bool // nth: the how manieth step of its kind in the group, from 1
	each bool                            // the files are flushed one by one
	// durable: the group's record is on stable storage when the fault comes, so
	// it must be finished, now or by recovery; else nothing of it is kept.
	durable bool
	// recorded: its record may have reached the disk, and fresh records must void
	// it; where they cannot be made, nobody knows. kept: a restart finds it.
	recorded, kept bool
}

func groupFaults() []groupFault {
	staged := disk.StagingDir + "/" + disk.StagedPrefix
	op := func(op disk.Op, prefix string, nth int) func(disk.Step, int) bool { // fresh records are records too
		return func(s disk.Step, n int) bool { return s.Op == op && strings.HasPrefix(s.Name, prefix) && n == nth }
	}
	return []groupFault{
		{name: "flush of the file system", when: op(disk.OpSyncFS, "", 1)},
		{name: "write-back of the third file", when: op(disk.OpWritten, staged, 3)},
		{name: "flush of the third file", when: op(disk.OpSync, staged, 3), each: true},
		{name: "flush of the names", when: op(disk.OpSyncDir, disk.StagingDir, 1), each: true},
		{name: "append to the records", when: op(disk.OpAppend, wal.Path, 1), recorded: true},
		{name: "flush of the records", when: op(disk.OpSync, wal.Path, 1), recorded: true, kept: true},
		{name: "rename of the first file", when: op(disk.OpRename, staged, 1), durable: true},
		{name: "rename of the third file", when: op(disk.OpRename, staged, 3), durable: true},
		{name: "append to the manifest", when: op(disk.OpAppend, manifest.Path, 1), durable: true},
	}
}

// TestFaultInAGroup injects each error in each step of a group, once, and for
// as long as the server lives: what the senders hear, and what recovery makes
// of it.
func TestFaultInAGroup(t *testing.T) {
	for _, f := range groupFaults() {
		for _, errno := range []unix.Errno{unix.EIO, unix.ENOSPC, unix.EDQUOT, unix.EROFS} {
			for _, once := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/once=%v", f.name, unix.ErrnoName(errno), once), func(t *testing.T) {
					t.Parallel()
					(&groupRun{t: t, x: &saboteur{groupFault: f, err: errno, once: once,
						fired: make(chan struct{}), count: make(map[string]int)}}).run()
				})
			}
		}
	}
}

type groupRun struct {
	t        *testing.T
	x        *saboteur
	dir      string
	book     *Logbook
	drafts   []logbook.Draft
	answered map[message.ID][]byte // receipts
	heard    []error
}

func (g *groupRun) run() {
	g.dir = durabletest.MemoryDir(g.t)
	cfg := testConfig(g.dir)
	cfg.seams.Fault, cfg.RetryEvery = g.x.fault, time.Millisecond
	cfg.seams.Dirty = func() (uint64, error) { return 0, nil }
	cfg.seams.CanSyncFS = func(string) bool { return !g.x.each }
	g.book = open(g.t, cfg)
	first := g.send()
	g.judge()
	if g.x.once {
		g.heals()
	}
	closed := g.book.Close()
	if closed != nil && !g.x.once {
		g.t.Log(closed)
	}
	g.recovers(first)
}

// send hands five messages to the committer at once, while it is busy with one
// before them, and waits for the fault.
func (g *groupRun) send() (first logbook.Facts) {
	ctx, cancel := context.WithCancel(g.t.Context())
	defer cancel()
	var staged []logbook.Staged
	for i := range 5 {
		d := logbooktest.Draft("a", fmt.Append(nil, i))
		s, err := g.book.Stage(ctx, d)
		if err == nil {
			_, err = s.Write(fmt.Append(nil, i))
		}
		if err != nil {
			g.t.Fatal(err)
		}
		g.drafts, staged = append(g.drafts, d), append(staged, s)
	}
	g.answered = make(map[message.ID][]byte)
	var mu sync.Mutex
	var wg sync.WaitGroup
	g.x.hold = func() {
		for i, s := range staged {
			wait := handOver(ctx, s)
			wg.Go(func() {
				facts, err := wait()
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					g.answered[g.drafts[i].ID] = facts.Line
				}
				g.heard = append(g.heard, err)
			})
		}
	}
	first, err := logbooktest.Append(ctx, g.book, logbooktest.Draft("a", nil), nil)
	if err != nil {
		g.t.Fatal(err)
	}
	if !logbooktest.Soon(g.t, "the fault comes", func() bool { return isClosed(g.x.fired) }) {
		g.t.FailNow()
	}
	if g.x.durable && !g.x.once {
		cancel() // a server that dies with the step undone answers nobody
	}
	wg.Wait()
	return first
}

// judge looks at what the senders heard.
func (g *groupRun) judge() {
	unknown := g.x.recorded && !g.x.once
	for _, err := range g.heard {
		switch {
		case unknown:
			if !errors.Is(err, logbook.ErrUnknown) || !errors.Is(err, g.x.err) {
				g.t.Errorf("a message whose record may be on the disk was answered with %v", err)
			}
		case g.x.durable && g.x.once && err != nil:
			g.t.Errorf("a durable message was answered with %v", err)
		case g.x.durable && !g.x.once && !errors.Is(err, logbook.ErrUnknown):
			g.t.Errorf("a durable message that is not finished was answered with %v", err)
		case !g.x.durable && (!errors.Is(err, logbook.ErrUnavailable) || !errors.Is(err, g.x.err)):
			g.t.Errorf("a message of a failed group was answered with %v", err)
		}
	}
	if !g.x.durable {
		if n := g.book.Len(); n != 1 {
			g.t.Errorf("%d messages are kept of a group that failed", n-1)
		}
	}
	switch {
	case g.x.once:
	case g.x.durable: // the fault comes a moment before it shows
		logbooktest.Soon(g.t, "readiness turns red", func() bool { return g.book.Ready() != nil })
	default:
		g.staysRed()
	}
}

// staysRed expects that while the fault lasts no probe of the volume is content.
func (g *groupRun) staysRed() {
	from := g.x.tries()
	logbooktest.Soon(g.t, "the volume is probed", func() bool { return g.x.tries() > from+3 || g.book.Ready() == nil })
	if g.book.Ready() == nil {
		g.t.Error("readiness turned green while the fault lasts")
	}
}

// heals expects the logbook to go on without a restart.
func (g *groupRun) heals() {
	for i, d := range g.drafts {
		facts := untilKept(g.t, g.book, d, fmt.Append(nil, i))
		if line, ok := g.answered[d.ID]; ok && !bytes.Equal(line, facts.Line) {
			g.t.Errorf("answered with\n%s\nand then\n%s", line, facts.Line)
		}
	}
	if err := g.book.Ready(); err != nil {
		g.t.Errorf("readiness stays red: %v", err)
	}
}

// recovers opens the logbook again, and sends everything again.
func (g *groupRun) recovers(first logbook.Facts) {
	g.x.stop()
	book := open(g.t, testConfig(g.dir))
	want := uint64(1)
	if g.x.durable || g.x.kept || g.x.once {
		want = 6
	}
	if n := book.Len(); n != want {
		g.t.Errorf("recovery made %d messages of it instead of %d", n, want)
	}
	for i, d := range g.drafts {
		untilKept(g.t, book, d, fmt.Append(nil, i))
	}
	if n := book.Len(); n != 6 {
		g.t.Errorf("%d messages after all were sent again", n)
	}
	if _, err := Verify(testConfig(g.dir), func(d Difference) { g.t.Error(d) }); err != nil {
		g.t.Error(err)
	}
	lines := read(g.t, filepath.Join(g.dir, disk.LogsDir, logfile.ManifestName))
	if !bytes.HasPrefix(lines, append(bytes.Clone(first.Line), '\n')) {
		g.t.Error("the message before the group has changed")
	}
}
