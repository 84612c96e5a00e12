package copying

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/mod/sumdb/tlog"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/crypto/receipt"
)

const id = "0123456789abcdef0123456789abcdef"

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Lines that a checkpoint was not signed for are not copied to the end, whether the
// state volume has it or it lies beside them.
func TestLinesOfAnother(t *testing.T) {
	dir, notary := t.TempDir(), logbooktest.NewNotary()
	book, err := local.Open(local.Config{Dir: dir, ID: id, Notary: notary, Log: zerolog.Nop()})
	check(t, err)
	for _, text := range []string{"one", "two"} {
		_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", []byte(text)), []byte(text))
		check(t, err)
	}
	check(t, book.Close())
	forged, err := notary.SignCheckpoint(receipt.Checkpoint{Origin: receipt.Origin(id), Size: 1, Root: tlog.Hash{1}})
	check(t, err)
	for name, job := range map[string]Job{
		"beside the manifest": {Checkpoint: forged, Known: fit.Known{ID: id, Notary: notary}},
		"of the state volume": {Known: fit.Known{ID: id, Notary: notary, Checkpoint: forged}},
	} {
		job.From, job.To, job.Progress = dir, filepath.Join(t.TempDir(), "data"), new(Progress)
		check(t, Begin(job.To))
		if _, err := job.Run(t.Context()); !errors.As(err, new(*fit.ForkError)) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := fit.Count(job.To); !errors.As(err, new(*disk.CorruptError)) {
			t.Errorf("%s: the copy is counted with %v", name, err)
		}
	}
}

// A log file goes to the directory that its line names, and each directory is
// flushed that has a new name.
func TestDirectories(t *testing.T) {
	var mu sync.Mutex // files are flushed side by side
	synced := make(map[string]int)
	vol := disk.NewWithSeams(filepath.Join(t.TempDir(), "data"), disk.Seams{
		CanSyncFS: func(string) bool { return false },
		Fault: func(s disk.Step) error {
			mu.Lock()
			defer mu.Unlock()
			if s.Op == disk.OpSyncDir || s.Op == disk.OpSync {
				synced[s.Name]++
			}
			return nil
		},
	})
	check(t, vol.Prepare())
	check(t, vol.OpenRoot())
	defer vol.Close()
	to, err := newTarget(vol)
	check(t, err)
	defer to.close()
	from, err := os.Open("copying_test.go")
	check(t, err)
	defer from.Close()
	names := []string{"logs/000000/one", "logs/000000/two", "logs/000001/three", "logs/four"}
	for _, name := range names {
		out, err := to.create(name)
		check(t, err)
		check(t, to.written(out, from))
	}
	check(t, to.flush())
	for _, name := range append(names, "logs", "logs/000000", "logs/000001") {
		if _, err := os.Stat(vol.Path(name)); err != nil || synced[name] != 1 {
			t.Errorf("%s: %v, flushed %d times", name, err, synced[name])
		}
	}
}
