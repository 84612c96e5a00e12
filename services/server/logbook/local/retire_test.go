package local

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

func set(t *testing.T, text string) numbers.Set {
	t.Helper()
	n, err := numbers.Parse(text)
	check(t, err)
	return n
}

// retired retires and removes.
func retired(t *testing.T, book *Logbook, text string) (bytes uint64) {
	t.Helper()
	logbooktest.Soon(t, "a checkpoint", func() bool { return book.Retirer.Ready() == nil })
	_, err := book.Retirer.Retire(set(t, text))
	check(t, err)
	bytes, err = book.Retirer.Work(nil)
	check(t, err)
	return bytes
}

// onVolume returns the note that lies there.
func onVolume(t *testing.T, dir string) receipt.Retired {
	t.Helper()
	text, err := fit.ReadRetired(disk.New(dir))
	check(t, err)
	if text == nil {
		return receipt.Retired{}
	}
	r, err := testNotary.OpenRetired(text)
	check(t, err)
	return r
}

func hasLog(t *testing.T, dir string, number uint64) bool {
	t.Helper()
	_, err := os.Lstat(filepath.Join(dir, disk.LogsDir, logfile.FileName(number)))
	return err == nil
}

// verified expects no difference, and returns what was found.
func verified(t *testing.T, dir string) Verified {
	t.Helper()
	found, err := Verify(testConfig(dir), func(d Difference) { t.Errorf("%v", d) })
	check(t, err)
	return found
}

func TestRetire(t *testing.T) {
	dir := filled(t)
	book := open(t, testConfig(dir))
	held, err := os.Open(filepath.Join(dir, disk.LogsDir, logfile.FileName(1)))
	check(t, err)
	defer held.Close()
	line := string(read(t, filepath.Join(dir, disk.LogsDir, logfile.ManifestName)))

	if bytes := retired(t, book, "0-1"); bytes == 0 {
		t.Error("no byte was removed")
	}
	if note := onVolume(t, dir); note.Serial != 1 || note.Numbers.String() != "0-1" || !note.Of(receipt.Origin(testID)) {
		t.Errorf("note %+v", note)
	}
	if hasLog(t, dir, 0) || hasLog(t, dir, 1) || !hasLog(t, dir, 2) {
		t.Error("other files went than those that were named")
	}
	if _, err := logfile.Parse(held, size(t, held)); err != nil {
		t.Errorf("a file that a reader has open: %v", err)
	}
	if found := verified(t, dir); found != (Verified{Checked: 3, Retired: 2}) {
		t.Errorf("found %+v", found)
	}
	if text := string(read(t, filepath.Join(dir, disk.LogsDir, logfile.ManifestName))); text != line {
		t.Error("the manifest is another")
	}
	if fresh, err := book.Retirer.Retire(set(t, "0-1")); err != nil || !fresh.Empty() || onVolume(t, dir).Serial != 1 {
		t.Errorf("the same again: %v, %v", fresh, err)
	}
	retired(t, book, "2")
	if note := onVolume(t, dir); note.Serial != 2 || note.Numbers.String() != "0-2" {
		t.Errorf("note %+v", note)
	}
}

func size(t *testing.T, f *os.File) int64 {
	t.Helper()
	info, err := f.Stat()
	check(t, err)
	return info.Size()
}

// TestRetiredIsRepeat: the same message again has the receipt of before.
func TestRetiredIsRepeat(t *testing.T) {
	dir := t.TempDir()
	book := open(t, testConfig(dir))
	d := logbooktest.Draft("a", []byte("text"))
	first, err := logbooktest.Append(t.Context(), book, d, []byte("text"))
	check(t, err)
	retired(t, book, "0")
	check(t, book.Close())
	for range 2 { // from memory, and from the index on the disk
		book = open(t, testConfig(dir))
		facts, err := logbooktest.Append(t.Context(), book, d, []byte("text"))
		check(t, err)
		if !facts.Repeat || string(facts.Line) != string(first.Line) {
			t.Errorf("again: %+v", facts)
		}
		wantReceipt(t, book, facts)
		check(t, book.Close())
	}
	if hasLog(t, dir, 0) {
		t.Error("its file is back")
	}
}

func TestRetireRefuses(t *testing.T) {
	dir := filled(t)
	book := open(t, testConfig(dir))
	var notKept *NotKeptError
	if _, err := book.Retirer.Retire(set(t, "1-3")); !errors.As(err, &notKept) || notKept.Next != 3 {
		t.Errorf("a number that is not given: %v", err)
	}
	if n := book.Retirer.Numbers(); !n.Empty() || onVolume(t, dir).Serial != 0 {
		t.Errorf("retired %v", n)
	}
	_, err := book.Retirer.Work(nil)
	check(t, err)
	if found := verified(t, dir); found.Retired != 0 {
		t.Errorf("found %+v", found)
	}
}

func TestRetireManyRanges(t *testing.T) {
	dir := filled(t)
	book := open(t, testConfig(dir))
	book.Retirer.Signed = func() uint64 { return 1 << 20 }
	var every numbers.Set
	const most = receipt.MaxRanges + 1
	for i := range uint64(most) {
		every.Add(numbers.One(2 * i))
	}
	var many *RangesError
	if _, err := book.Retirer.Retire(every); !errors.As(err, &many) || many.Ranges != most {
		t.Errorf("one range too many: %v", err)
	}
	_, err := book.Retirer.Work(nil)
	check(t, err)
	if !hasLog(t, dir, 0) || onVolume(t, dir).Serial != 0 {
		t.Error("something was retired all the same")
	}
	every.Remove(numbers.One(0))
	if fresh, err := book.Retirer.Retire(every); err != nil || fresh.Count() != receipt.MaxRanges {
		t.Errorf("as many as may be: %v, %v", fresh, err)
	}
}

// TestRetireBefore: times need not rise, and nothing goes that came later.
func TestRetireBefore(t *testing.T) {
	now := time.Unix(2e9, 0)
	cfg := testConfig(t.TempDir())
	cfg.now = func() time.Time { return now }
	book := open(t, cfg)
	began := now
	for _, at := range []time.Duration{0, 1, 5, 2, 6} {
		now = began.Add(at * time.Hour)
		_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
		check(t, err)
	}
	size := uint64(len(read(t, filepath.Join(cfg.Dir, disk.LogsDir, logfile.FileName(0)))))
	due := func(p Policy, at time.Duration) string {
		t.Helper()
		n, err := book.Retirer.Due(p, began.Add(at))
		check(t, err)
		return n.String()
	}
	for at, want := range map[time.Duration]string{0: "", time.Hour: "0", 3 * time.Hour: "0-1", 10 * time.Hour: "0-4"} {
		if n, err := book.Retirer.Before(began.Add(at)); err != nil || n.String() != want {
			t.Errorf("before %v: %v, %v", at, n, err)
		}
	}
	for _, c := range []struct {
		p    Policy
		at   time.Duration
		want string
	}{
		{Policy{}, 100 * time.Hour, ""},
		{Policy{For: 2 * time.Hour}, 3*time.Hour - 1, "0"},
		{Policy{For: 2 * time.Hour}, 3 * time.Hour, "0-1"},
		{Policy{For: 2 * time.Hour}, 5 * time.Hour, "0-1"},
		{Policy{Bytes: 5 * size}, 0, ""},
		{Policy{Bytes: 5*size - 1}, 0, "0"},
		{Policy{Bytes: 2 * size}, 0, "0-2"},
		{Policy{For: 2 * time.Hour, Bytes: 4 * size}, 3 * time.Hour, "0-1"},
	} {
		if n := due(c.p, c.at); n != c.want {
			t.Errorf("%+v after %v: %v, want %v", c.p, c.at, n, c.want)
		}
	}
	retired(t, book, "0,3")
	if n := due(Policy{For: time.Hour}, 10*time.Hour); n != "1-2,4" {
		t.Errorf("by age, behind gaps: %v", n)
	}
	if n := due(Policy{Bytes: 2 * size}, 0); n != "1" {
		t.Errorf("by room, what went does not count: %v", n)
	}
}

// TestRetiredNamesAreFlushed: only then the room is free.
func TestRetiredNamesAreFlushed(t *testing.T) {
	dir := filled(t)
	var mu sync.Mutex
	gone, flushed := 0, 0
	cfg := testConfig(dir)
	cfg.seams.Fault = func(s disk.Step) error {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case s.Op == disk.OpRemove && filepath.Dir(s.Name) == disk.LogsDir:
			gone++
		case s.Op == disk.OpSyncDir && s.Name == disk.LogsDir:
			flushed = gone
		}
		return nil
	}
	book := open(t, cfg)
	retired(t, book, "0-2")
	mu.Lock()
	defer mu.Unlock()
	if gone != 3 || flushed != 3 {
		t.Errorf("%d names went, %d of them were flushed", gone, flushed)
	}
}
