package local

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/crypto/receipt"
)

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
	if err != nil || len(found) != 1 || found[0].Reason != Missing {
		t.Errorf("%v, %v", found, err)
	}
}
