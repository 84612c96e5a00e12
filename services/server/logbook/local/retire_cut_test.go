package local

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// TestRetiringStopped: what one process did not come to the next one removes.
func TestRetiringStopped(t *testing.T) {
	dir := durabletest.MemoryDir(t)
	book := open(t, testConfig(dir))
	const messages = 200
	for range messages {
		_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
		check(t, err)
	}
	logbooktest.Soon(t, "a checkpoint", func() bool { return book.Retirer.Ready() == nil })
	_, err := book.Retirer.Retire(set(t, "0-149"))
	check(t, err)
	stop := make(chan struct{})
	close(stop)
	if _, err := book.Retirer.Work(stop); err == nil || !hasLog(t, dir, 149) {
		t.Fatalf("stopped: %v", err)
	}
	check(t, book.Close())
	if found := verified(t, dir); found.Retired == 0 || found.Retired == 150 {
		t.Errorf("retired %d", found.Retired)
	}
	book = open(t, testConfig(dir))
	_, err = book.Retirer.Work(nil)
	check(t, err)
	if found := verified(t, dir); found.Retired != 150 {
		t.Errorf("retired %d", found.Retired)
	}
	if found, err := filepath.Glob(filepath.Join(dir, disk.LogsDir, "server_message*")); len(found) != 50 || err != nil {
		t.Errorf("%d files are left, %v", len(found), err)
	}
}

// TestPowerCutRetiring cuts the power after each operation of a run that retires between
// messages, and expects each file to be there or named, before and after recovery.
func TestPowerCutRetiring(t *testing.T) {
	dir := durabletest.MemoryDir(t)
	start := map[string][]byte{}
	tr := &trace{dirty: make(map[string]bool), steps: mkdirs(start)}
	kept := map[int]uint64{} // serials, by the number of operations before
	cfg := powerCut{together: true}.tracing(dir, tr)
	cfg.seams.CanSyncFS = func(string) bool { return true }
	cfg.RotateAfter = 1 << 20 // the records name what is retired
	cfg.KeepRetired = func(serial uint64) error { kept[len(tr.steps)] = serial; return nil }
	book := open(t, cfg)
	drafts, contents := script()
	for i, d := range drafts {
		tr.receipted(t, book, d.ID, untilKept(t, book, d, contents[i]))
		if i == 2 {
			retired(t, book, "0-1")
		}
		if i == 4 {
			retired(t, book, "3")
		}
	}
	closeBook(t, book)
	for n := range len(tr.steps) + 1 {
		drive, receipted, _ := tr.at(start, n)
		serial := uint64(0)
		for at, s := range kept {
			if at <= n {
				serial = max(serial, s)
			}
		}
		for i, w := range append(survivals(n), durabletest.Nothing, durabletest.Everything) {
			if t.Failed() {
				return
			}
			what := fmt.Sprintf("power cut before operation %d (%s), %s survives, %d", n, stepName(tr.steps, n), w.Name, i)
			checkRetired(t, what, drive.After(w), serial, drafts, contents, receipted)
		}
	}
	removes := tr.after(func(s disk.Step) bool { return s.Op == disk.OpRemove && filepath.Dir(s.Name) == disk.LogsDir })
	if len(removes) != 3 {
		t.Errorf("%d files were removed", len(removes))
	}
}

func checkRetired(t *testing.T, what string, left map[string][]byte, serial uint64, drafts []logbook.Draft,
	contents [][]byte, receipted map[message.ID][]byte) {
	t.Helper()
	dir := durabletest.MemoryDir(t)
	defer os.RemoveAll(dir)
	durabletest.Put(t, dir, left)
	cfg := compact(testConfig(dir))
	cfg.KnownRetired = serial
	cfg.Missing = func(n uint64) { t.Errorf("%s: message %d has lost its file", what, n) }
	book, err := Open(cfg)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	defer book.Close()
	if _, err := book.Retirer.Work(nil); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	named := onVolume(t, dir).Numbers
	for n := range book.Len() {
		if hasLog(t, dir, n) == named.Has(n) {
			t.Errorf("%s: message %d has a file: %v, is named: %v", what, n, hasLog(t, dir, n), named.Has(n))
		}
	}
	if err := book.Close(); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	checkSurvived(t, what, testConfig(dir), drafts, contents, maps.Clone(receipted))
}

// TestReplayPassesOver: records that name a retired file do not put it back.
func TestReplayPassesOver(t *testing.T) {
	dir := t.TempDir()
	book := open(t, testConfig(dir))
	_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
	check(t, err)
	records := read(t, filepath.Join(dir, wal.Path))
	file := read(t, filepath.Join(dir, disk.LogsDir, logfile.FileName(0)))
	_, recs, err := wal.Parse(records)
	check(t, err)
	retired(t, book, "0")
	check(t, book.Close())
	write(t, filepath.Join(dir, wal.Path), string(records))
	write(t, filepath.Join(dir, recs[0].Staged), string(file))

	cfg := testConfig(dir)
	cfg.Missing = func(n uint64) { t.Errorf("message %d is missing", n) }
	book = open(t, cfg)
	if hasLog(t, dir, 0) {
		t.Error("the file is back")
	}
	if left := staging(t, dir); slices.Contains(left, filepath.Base(recs[0].Staged)) {
		t.Error("the staged file was left")
	}
	check(t, book.Close())
}
