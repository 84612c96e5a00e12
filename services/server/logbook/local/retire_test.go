package local

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
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
	soon(t, "a checkpoint", func() bool { return book.Retirer.Ready() == nil })
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

// TestRetireAfterFailure: a note that may be on the disk or not is followed by one with
// a higher serial that has its numbers, and no file goes before that.
func TestRetireAfterFailure(t *testing.T) {
	for _, op := range []disk.Op{disk.OpCreate, disk.OpAppend, disk.OpSync, disk.OpRename, disk.OpSyncDir} {
		dir := filled(t)
		fails := false
		cfg := testConfig(dir)
		cfg.seams.Fault = func(s disk.Step) error {
			if fails && s.Op == op {
				return errInjected
			}
			return nil
		}
		book := open(t, cfg)
		retired(t, book, "0")
		fails = true
		if _, err := book.Retirer.Retire(set(t, "1")); !errors.Is(err, errInjected) {
			t.Errorf("%s fails: %v", op, err)
		}
		shown := onVolume(t, dir)
		if _, err := book.Retirer.Work(nil); !errors.Is(err, errInjected) || !hasLog(t, dir, 1) {
			t.Errorf("%s still fails: %v, the file is there: %v", op, err, hasLog(t, dir, 1))
		}
		fails = false
		_, err := book.Retirer.Work(nil)
		check(t, err)
		note := onVolume(t, dir)
		if err := note.Follows(shown); err != nil || note.Serial == shown.Serial || hasLog(t, dir, 1) {
			t.Errorf("%s: serial %d after %d: %v", op, note.Serial, shown.Serial, err)
		}
		check(t, book.Close())
		verified(t, dir)
	}
}

// TestRetiredIsSignedAnew: whoever pins the new identity alone can read the note.
func TestRetiredIsSignedAnew(t *testing.T) {
	first, second := logbooktest.NewNotary().Identity, logbooktest.NewNotary().Identity
	notary := &rotating{}
	notary.use(first)
	cfg := testConfig(t.TempDir())
	cfg.Notary = notary
	book := open(t, cfg)
	_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
	check(t, err)
	retired(t, book, "0")
	serial := func(n logbooktest.Notary) uint64 {
		t.Helper()
		r, err := n.OpenRetired(read(t, filepath.Join(cfg.Dir, fit.RetiredPath)))
		check(t, err)
		return r.Serial
	}
	notary.use(second)
	_, err = book.Retirer.Work(nil)
	check(t, err)
	if n := serial(logbooktest.Notary{Identity: second}); n != 2 {
		t.Errorf("serial %d", n)
	}
	check(t, book.Close())
	notary.use(first)
	book = open(t, cfg) // the change came while no server ran
	for range 2 {
		_, err = book.Retirer.Work(nil)
		check(t, err)
		if n := serial(logbooktest.Notary{Identity: first}); n != 3 {
			t.Errorf("serial %d", n)
		}
	}
}

// TestRetiringStopped: what one process did not come to the next one removes.
func TestRetiringStopped(t *testing.T) {
	dir := durabletest.MemoryDir(t)
	book := open(t, testConfig(dir))
	const messages = 200
	for range messages {
		_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
		check(t, err)
	}
	soon(t, "a checkpoint", func() bool { return book.Retirer.Ready() == nil })
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

// TestRetiredMisfit: a note that does not fit is said at the start, and nothing goes by it.
func TestRetiredMisfit(t *testing.T) {
	foreign := logbooktest.NewNotary()
	sign := func(n logbooktest.Notary, r receipt.Retired) []byte {
		text, err := n.SignRetired(r)
		check(t, err)
		return text
	}
	good := receipt.Retired{Origin: receipt.RetiredOrigin(testID), Serial: 4, Numbers: set(t, "0")}
	other, beyond := good, good
	other.Origin = receipt.RetiredOrigin("ff" + testID[2:])
	beyond.Numbers = set(t, "3")
	for name, c := range map[string]struct {
		text  []byte
		known uint64
		want  string
	}{
		"another identity": {sign(foreign, good), 0,
			"the list of retired messages: the signature is not of a pinned identity"},
		"another logbook": {sign(testNotary, other), 0,
			"the list of retired messages is of " + other.Origin + ", not of " + good.Origin},
		"of an earlier day": {sign(testNotary, good), 5,
			"the list of retired messages has serial 4, and was at 5 before"},
		"gone": {nil, 5, "the list of retired messages has serial 0, and was at 5 before"},
		"of a later message": {sign(testNotary, beyond), 4,
			"message 3 was retired, the manifest has 3 lines"},
		"fits": {sign(testNotary, good), 4, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filled(t)
			if c.text != nil {
				write(t, filepath.Join(dir, fit.RetiredPath), string(c.text))
			}
			cfg := testConfig(dir)
			cfg.KnownRetired = c.known
			judged := Judge(cfg)
			book, err := Open(cfg)
			if c.want == "" {
				check(t, errors.Join(judged, err))
				_, err = book.Retirer.Work(nil)
				check(t, err)
				check(t, book.Close())
				if hasLog(t, dir, 0) {
					t.Error("a file that is named was left")
				}
				return
			}
			var misfit *MisfitError
			want := "volumes do not fit: " + c.want
			if !errors.As(err, &misfit) || err.Error() != want || judged == nil || judged.Error() != want {
				t.Errorf("opened: %v, judged: %v", err, judged)
			}
			for n := range uint64(3) {
				if !hasLog(t, dir, n) {
					t.Errorf("the file of message %d is gone", n)
				}
			}
		})
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

// TestAcceptPutsRetiredAside: the new logbook has retired nothing yet.
func TestAcceptPutsRetiredAside(t *testing.T) {
	dir := filled(t)
	book := open(t, testConfig(dir))
	retired(t, book, "0")
	check(t, book.Close())
	note := read(t, filepath.Join(dir, fit.RetiredPath))
	lock, err := Lock(dir)
	check(t, err)
	defer lock.Close()
	id := "ff" + testID[2:]
	for range 2 { // cut short, it is done again
		_, _, err = Accept(dir, id, testNotary, lock)
		check(t, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, fit.RetiredPath)); err == nil {
		t.Error("the list of the logbook before is still there")
	}
	if aside := read(t, filepath.Join(dir, retiredAside)); string(aside) != string(note) {
		t.Errorf("put aside: %q", aside)
	}
	cfg := testConfig(dir)
	cfg.ID = id
	var found []Difference
	_, err = Verify(cfg, func(d Difference) { found = append(found, d) })
	if err != nil || len(found) != 1 || found[0].Reason != missing {
		t.Errorf("%v, %v", found, err)
	}
}
