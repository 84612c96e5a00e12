package engine

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/index"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/merkle"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/logging/floods"
)

// start runs an engine on an empty volume, whose file operations fault hears of.
// Its committer waits for messages and does nothing by itself.
func start(t *testing.T, fault func(disk.Step) error) *Engine {
	t.Helper()
	return startTrying(t, fault, time.Hour)
}

// startTrying is start, with a committer that tries again every so often.
func startTrying(t *testing.T, fault func(disk.Step) error, every time.Duration) *Engine {
	t.Helper()
	return startWatched(t, fault, every, Watch{})
}

func startWatched(t *testing.T, fault func(disk.Step) error, every time.Duration, watch Watch) *Engine {
	t.Helper()
	s := &Stores{Volume: disk.NewWithSeams(t.TempDir(), disk.Seams{Fault: fault})}
	check(t, s.Volume.Prepare())
	check(t, s.Volume.OpenRoot())
	var err error
	s.Manifest, err = manifest.Open(s.Volume)
	check(t, err)
	s.Index = index.New(s.Volume, 10)
	_, err = s.Index.Open(s.Manifest, 0)
	check(t, err)
	s.Tree, err = merkle.Open(s.Volume, 0)
	check(t, err)
	check(t, s.Rotate(1<<20))
	e, err := Start(Config{
		ID: "0123456789abcdef0123456789abcdef", Notary: logbooktest.NewNotary(),
		RotateAfter: 1 << 20, RetryEvery: every, Log: zerolog.Nop(), Sums: floods.New(zerolog.Nop(), time.Now),
		Watch: watch,
	}, s)
	check(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// While the volume cannot be written the reason stays the same, so that it is
// logged once.
func TestReasonStaysTheSame(t *testing.T) {
	e := start(t, nil)
	staging := e.stores.Volume.Staging("")
	check(t, os.Rename(staging, staging+"-elsewhere"))
	_ = e.Failed(errors.New("a flush failed"))
	first, second := e.committer.heal(), e.committer.heal()
	if !errors.Is(first, fs.ErrNotExist) || second == nil || first.Error() != second.Error() {
		t.Errorf("%v, then %v", first, second)
	}
}

// A red that comes while the committer heals stays: what was tried may have been
// before it. The next round ends it.
func TestRedWhileItHeals(t *testing.T) {
	broken := errors.New("a large message could not be written")
	var e *Engine
	healing := false
	e = start(t, func(s disk.Step) error {
		if healing && s.Op == disk.OpRename { // the last step but one
			healing = false
			_ = e.Failed(broken)
		}
		return nil
	})
	_ = e.Failed(errors.New("a flush failed"))
	healing = true
	check(t, e.committer.heal())
	if healing || !errors.Is(e.Ready(), broken) || !errors.Is(e.Accepting(), logbook.ErrUnavailable) {
		t.Errorf("ready: %v, accepting: %v", e.Ready(), e.Accepting())
	}
	check(t, e.committer.heal())
	if e.Ready() != nil {
		t.Errorf("still red: %v", e.Ready())
	}
}

// fileBody is a log file that is written when it is asked for.
type fileBody struct {
	vol  *disk.Volume
	name string
	file *os.File
}

func (b *fileBody) Weight() int64 { return 1 }
func (b *fileBody) InFile() bool  { return b.file != nil }

func (b *fileBody) Complete() (f File, err error) {
	if b.file, err = b.vol.CreateFile(b.name); err != nil {
		return f, err
	}
	_, err = b.vol.WriteAt(b.file, b.name, []byte("x"), 0)
	return File{File: b.file, Name: b.name, Size: 1}, err
}

func (b *fileBody) Release(keep bool) {
	if b.file == nil {
		return
	}
	_ = b.file.Close()
	if !keep {
		_ = b.vol.Remove(b.name)
	}
}

// A durable group that cannot be finished until the engine is closed stays in the
// records, whatever is tried afterwards, and its files stay where they are.
func TestUnfinishedGroupIsLeft(t *testing.T) {
	heard, tried := make(chan error, 1), make(chan struct{})
	first := sync.OnceFunc(func() { close(tried) })
	e := start(t, func(s disk.Step) error {
		if s.Op == disk.OpRename && strings.HasPrefix(s.Name, disk.StagingDir+"/"+disk.StagedPrefix) {
			first()
			return errors.New("no rename")
		}
		return nil
	})
	body := &fileBody{vol: e.stores.Volume, name: disk.StagingDir + "/" + disk.StagedPrefix + "1"}
	m := &Message{Draft: logbooktest.Draft("a", []byte("x")), Body: body, Position: 12,
		Then: func(_ logbook.Facts, err error) { heard <- err }}
	check(t, e.Push(t.Context(), m))
	logbooktest.Await(t, "the rename is tried", tried)
	check(t, e.Close()) // it ends the tries
	if err := logbooktest.Await(t, "the answer", heard); !errors.Is(err, logbook.ErrUnknown) {
		t.Errorf("the message was answered with %v", err)
	}
	if err := e.committer.rotateRecords(); !errors.Is(err, errUnfinished) {
		t.Errorf("the records are rotated: %v", err)
	}
	_, recs, ok, err := wal.Read(e.stores.Volume)
	if err != nil || !ok || len(recs) != 1 || recs[0].Staged != body.name || recs[0].Position != 12 {
		t.Errorf("the records have %+v, %v, %v", recs, ok, err)
	}
	if _, err := os.Stat(e.stores.Volume.Path(body.name)); err != nil {
		t.Error(err)
	}
}
