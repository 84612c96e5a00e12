package local

import (
	"bytes"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/index"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/merkle"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/message"
)

// trace is a recorded run of the logbook: every file operation, and which
// receipts were out after how many of them.
type trace struct {
	mu       sync.Mutex
	steps    []disk.Step
	receipts []receiptAt
	hold     atomic.Pointer[func()] // called before each flush of messages
	failing  map[string]int         // which flush of a file's unflushed end fails, from 1
	dirty    map[string]bool        // files that have one
}

type receiptAt struct {
	steps      int
	id         message.ID
	line       []byte
	checkpoint receipt.Checkpoint
}

func (tr *trace) record(s disk.Step) error {
	if hold := tr.hold.Load(); hold != nil && flushesMessages(s) {
		(*hold)()
	}
	s.Data = bytes.Clone(s.Data)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.fails(s) {
		tr.steps = append(tr.steps, disk.Step{Op: opFailed, Name: s.Name})
		return errInjected
	}
	tr.steps = append(tr.steps, s)
	return nil
}

func (tr *trace) fails(s disk.Step) bool {
	if tr.failing == nil {
		return false
	}
	switch was := tr.dirty[s.Name]; s.Op {
	case disk.OpAppend:
		tr.dirty[s.Name] = true
	case disk.OpSyncFS:
		clear(tr.dirty)
	case disk.OpSync:
		tr.dirty[s.Name] = false
		if n, counts := tr.failing[s.Name]; counts && was {
			tr.failing[s.Name] = n - 1
			return n == 1
		}
	}
	return false
}

const opFailed disk.Op = "failed"

// onDisk is what a step means to a disk.
var onDisk = map[disk.Op]durabletest.Kind{
	disk.OpCreate: durabletest.Create, disk.OpWrite: durabletest.Write, disk.OpAppend: durabletest.Write,
	disk.OpCut:    durabletest.Cut,
	disk.OpRename: durabletest.Rename, disk.OpRemove: durabletest.Remove, disk.OpSync: durabletest.Sync,
	disk.OpSyncDir: durabletest.SyncDir, disk.OpSyncFS: durabletest.SyncAll, opFailed: durabletest.Failed,
	disk.OpMkdir: durabletest.Mkdir,
}

func flushesMessages(s disk.Step) bool {
	return s.Op == disk.OpSyncFS || s.Op == disk.OpSync && strings.HasPrefix(s.Name, disk.StagingDir+"/"+disk.StagedPrefix)
}

func (tr *trace) receipted(t *testing.T, book *Logbook, id message.ID, facts logbook.Facts) {
	t.Helper()
	checkpoint := wantReceipt(t, book, facts)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.receipts = append(tr.receipts, receiptAt{len(tr.steps), id, facts.Line, checkpoint})
}

// at returns the disk after the first n steps, and the receipts that were out,
// with the checkpoints in them.
func (tr *trace) at(start map[string][]byte, n int) (*durabletest.Disk, map[message.ID][]byte, []receipt.Checkpoint) {
	drive := durabletest.New(start)
	for _, s := range tr.steps[:n] {
		if kind, ok := onDisk[s.Op]; ok {
			drive.Apply(durabletest.Op{Kind: kind, Name: s.Name, To: s.To, Off: s.Off, Data: s.Data})
		}
	}
	out := make(map[message.ID][]byte)
	var signed []receipt.Checkpoint
	for _, r := range tr.receipts {
		if r.steps <= n {
			out[r.id] = r.line
			signed = append(signed, r.checkpoint)
		}
	}
	return drive, out, signed
}

// powerCut is a run to be recorded.
type powerCut struct {
	name     string
	together bool           // each group is flushed at once
	sharded  bool           // log files lie in shard directories, three in each
	failing  map[string]int // as in trace
	first    bool           // it is the first on an empty volume
}

// powerCuts are all that are enumerated.
func powerCuts() []powerCut {
	failing := map[string]int{wal.Path: 4, manifest.Path: 2, merkle.Path: 2}
	return []powerCut{
		{name: "flushed together", together: true},
		{name: "flushed each"},
		{name: "sharded", sharded: true},
		{name: "flushes fail", together: true, failing: failing},
		{name: "and with files flushed by each", failing: failing},
		{name: "first start", first: true, sharded: true},
	}
}

// mkdirs are the steps that make the directories which start lacks. They come
// first of all, and are not announced.
func mkdirs(start map[string][]byte) (steps []disk.Step) {
	for _, dir := range []string{disk.LogsDir, disk.StagingDir} {
		if _, ok := start[dir+"/"]; !ok {
			steps = append(steps, disk.Step{Op: disk.OpMkdir, Name: dir})
		}
	}
	return steps
}

// record runs the script: single messages, then a group of several.
func (p powerCut) record(t *testing.T) (
	tr *trace, start map[string][]byte, drafts []logbook.Draft, contents [][]byte, indexed []byte) {
	dir := durabletest.MemoryDir(t)
	start = map[string][]byte{}
	if !p.first {
		closeBook(t, open(t, compact(testConfig(dir))))
		start = durabletest.Get(t, dir)
		delete(start, index.Path)
	}
	tr = &trace{failing: maps.Clone(p.failing), dirty: make(map[string]bool), steps: mkdirs(start)}
	cfg := p.tracing(dir, tr)
	if p.failing != nil {
		cfg.RetryEvery = time.Millisecond
	}
	cfg.seams.CanSyncFS = func(string) bool { return p.together }
	book := open(t, cfg)
	drafts, contents = script()
	more, moreContents := script()
	for i, d := range drafts {
		facts := untilKept(t, book, d, contents[i])
		tr.receipted(t, book, d.ID, facts)
	}
	appendTogether(t, tr, book, more, moreContents)
	closeBook(t, book)
	return tr, start, append(drafts, more...), append(contents, moreContents...), read(t, filepath.Join(dir, index.Path))
}

func (p powerCut) tracing(dir string, tr *trace) Config {
	cfg := layout(dir, p.sharded)
	cfg.seams.Fault = tr.record
	cfg.RotateAfter, cfg.IndexBatch = 1000, 2
	cfg.seams.Dirty = func() (uint64, error) { return 0, nil }
	if !p.together {
		cfg.seams.Dirty = func() (uint64, error) { return 1 << 60, nil }
	}
	return cfg
}

// appendTogether has the messages committed in two groups: the first alone, and
// all others, which come while its flush is held.
func appendTogether(t *testing.T, tr *trace, book *Logbook, drafts []logbook.Draft, contents [][]byte) {
	wait := make([]func() (logbook.Facts, error), len(drafts))
	var all []logbook.Staged
	for i, d := range drafts {
		all = append(all, stage(t, book, d, contents[i]))
	}
	others := sync.OnceFunc(func() {
		for i := range drafts[1:] {
			wait[i+1] = handOver(t.Context(), all[i+1])
		}
	})
	tr.hold.Store(&others)
	wait[0] = handOver(t.Context(), all[0])
	receipted := func(i int) {
		facts, err := wait[i]()
		if err != nil {
			t.Error(err)
			return
		}
		tr.receipted(t, book, drafts[i].ID, facts)
	}
	receipted(0)
	others() // where nothing was flushed
	for i := range drafts[1:] {
		receipted(i + 1)
	}
}
