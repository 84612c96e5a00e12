package local

import (
	"bytes"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/logbook/local/retire"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

// orderedBook is a logbook with three messages that retires in an order from outside.
func orderedBook(t *testing.T, cfg Config) *Logbook {
	t.Helper()
	cfg.Ordered = true
	book := open(t, cfg)
	logbooktest.Soon(t, "a checkpoint", func() bool { return book.Retirer.Ready() == nil })
	return book
}

// planned returns on what numbers are to be retired.
func planned(t *testing.T, book *Logbook, text string) retire.Base {
	t.Helper()
	_, on, err := book.Retirer.Plan(set(t, text))
	check(t, err)
	return on
}

// An order is carried out on the note that it was given for, once, and comes to one note on
// every volume, also on one that has come to a later one before.
func TestRetireOrdered(t *testing.T) {
	dirs := []string{filled(t), filled(t)}
	books := []*Logbook{orderedBook(t, testConfig(dirs[0])), orderedBook(t, testConfig(dirs[1]))}
	type order struct {
		which string
		on    retire.Base
	}
	var orders []order
	for i, which := range []string{"0", "0-1", "2"} {
		fresh, on, err := books[0].Retirer.Plan(set(t, which))
		check(t, err)
		orders = append(orders, order{which, on})
		done, err := books[0].Retirer.RetireOrdered(set(t, which), on)
		next := books[0].Retirer.Serial()
		if err != nil || done.String() != fresh.String() || on.Serial != uint64(i) || next != on.Serial+1 {
			t.Errorf("%s on %d: %v, planned %v, %v", which, on.Serial, done, fresh, err)
		}
	}
	for i, o := range orders {
		if _, err := books[0].Retirer.RetireOrdered(set(t, o.which), o.on); !errors.Is(err, retire.ErrOvertaken) {
			t.Errorf("%s again: %v", o.which, err)
		}
		if _, err := books[1].Retirer.RetireOrdered(set(t, o.which), o.on); err != nil {
			t.Errorf("%s on the other volume: %v", o.which, err)
		}
		if n := books[1].Retirer.Serial(); n != uint64(i+1) {
			t.Errorf("serial %d behind order %d", n, i)
		}
	}
	note := func(dir string) string { return string(read(t, filepath.Join(dir, fit.RetiredPath))) }
	if note(dirs[0]) != note(dirs[1]) {
		t.Errorf("the notes are\n%s\n%s", note(dirs[0]), note(dirs[1]))
	}
	for i, book := range books {
		if !hasLog(t, dirs[i], 0) {
			t.Error("a file went with the order")
		}
		_, err := book.Retirer.Work(nil)
		check(t, err)
		check(t, book.Close())
		if found := verified(t, dirs[i]); found.Retired != 3 || hasLog(t, dirs[i], 0) {
			t.Errorf("%+v", found)
		}
	}
}

// An order that names nothing new replaces nothing.
func TestRetireOrderedNothingNew(t *testing.T) {
	book := orderedBook(t, testConfig(filled(t)))
	_, err := book.Retirer.RetireOrdered(set(t, "0-1"), planned(t, book, "0-1"))
	check(t, err)
	fresh, err := book.Retirer.RetireOrdered(set(t, "1"), planned(t, book, "1"))
	if err != nil || !fresh.Empty() || book.Retirer.Serial() != 1 {
		t.Errorf("%v, %v, serial %d", fresh, err, book.Retirer.Serial())
	}
}

// A volume that lacks a note, or has another one of its serial, does not go on with orders.
func TestRetireOrderedOnAnotherNote(t *testing.T) {
	dir := filled(t)
	book, other := orderedBook(t, testConfig(dir)), orderedBook(t, testConfig(filled(t)))
	first := planned(t, book, "0")
	_, err := other.Retirer.RetireOrdered(set(t, "0"), first)
	check(t, err)
	next := planned(t, other, "1")
	var base *retire.BaseError
	if _, err := book.Retirer.RetireOrdered(set(t, "1"), next); !errors.As(err, &base) || base.Has.Serial != 0 {
		t.Errorf("a note is lacking: %v", err)
	}
	_, err = book.Retirer.RetireOrdered(set(t, "2"), first)
	check(t, err)
	if _, err := book.Retirer.RetireOrdered(set(t, "1"), next); !errors.As(err, &base) || base.Has.Serial != 1 {
		t.Errorf("another note: %v", err)
	}
	if note := onVolume(t, dir); note.Serial != 1 || note.Numbers.String() != "2" {
		t.Errorf("note %+v", note)
	}
}

// What an order cannot do it cannot do on a volume that has read more either.
func TestRetireOrderedRefuses(t *testing.T) {
	book := orderedBook(t, testConfig(filled(t)))
	var notKept *NotKeptError
	if _, err := book.Retirer.RetireOrdered(set(t, "2-3"), planned(t, book, "0")); !errors.As(err, &notKept) {
		t.Errorf("a number that is not given: %v", err)
	}
	book.Retirer.Signed = func() uint64 { return 1 << 20 }
	var every numbers.Set
	for i := range uint64(receipt.MaxRanges) {
		every.Add(numbers.One(2 * i))
	}
	_, on, err := book.Retirer.Plan(every)
	check(t, err)
	_, err = book.Retirer.RetireOrdered(every, on)
	check(t, err)
	var ranges *RangesError
	more, on := set(t, "20000"), planned(t, book, "1")
	if _, err := book.Retirer.RetireOrdered(more, on); !errors.As(err, &ranges) || book.Retirer.Serial() != 1 {
		t.Errorf("one range too many: %v", err)
	}
	_, err = book.Retirer.RetireOrdered(set(t, "1"), on)
	check(t, err)
	if _, err := book.Retirer.RetireOrdered(more, on); !errors.Is(err, retire.ErrOvertaken) || book.Retirer.Serial() != 2 {
		t.Errorf("read again, where there is room for it: %v", err)
	}
}

// An order that cannot be carried out is given again, and comes to the same note. No file
// goes, and no note is signed anew, while it is not known which one is on the volume.
func TestRetireOrderedAfterFailure(t *testing.T) {
	whole := filled(t)
	book := orderedBook(t, testConfig(whole))
	for _, which := range []string{"0", "1"} {
		_, err := book.Retirer.RetireOrdered(set(t, which), planned(t, book, which))
		check(t, err)
	}
	for _, op := range []disk.Op{disk.OpCreate, disk.OpAppend, disk.OpSync, disk.OpRename, disk.OpSyncDir} {
		dir := filled(t)
		fails := false
		cfg := testConfig(dir)
		notary := &rotating{}
		notary.use(testNotary.Identity)
		cfg.Notary = notary
		cfg.seams.Fault = func(s disk.Step) error {
			if fails && s.Op == op {
				return errInjected
			}
			return nil
		}
		book := orderedBook(t, cfg)
		_, err := book.Retirer.RetireOrdered(set(t, "0"), planned(t, book, "0"))
		check(t, err)
		on := planned(t, book, "1")
		fails = true
		if _, err := book.Retirer.RetireOrdered(set(t, "1"), on); !errors.Is(err, errInjected) {
			t.Errorf("%s fails: %v", op, err)
		}
		fails = false
		notary.use(testNotary.Identity)
		before := onVolume(t, dir)
		if _, err := book.Retirer.Work(nil); err == nil || !hasLog(t, dir, 0) || !hasLog(t, dir, 1) {
			t.Errorf("%s: files go all the same, %v", op, err)
		}
		if after := onVolume(t, dir); after.Serial != before.Serial {
			t.Errorf("%s: serial %d is replaced by %d", op, before.Serial, after.Serial)
		}
		_, err = book.Retirer.RetireOrdered(set(t, "1"), on)
		check(t, err)
		_, err = book.Retirer.Work(nil)
		check(t, err)
		if hasLog(t, dir, 0) || hasLog(t, dir, 1) {
			t.Errorf("%s: files stay", op)
		}
		have, want := read(t, filepath.Join(dir, fit.RetiredPath)), read(t, filepath.Join(whole, fit.RetiredPath))
		if !bytes.Equal(have, want) {
			t.Errorf("%s: the note is\n%s\nnot\n%s", op, have, want)
		}
		check(t, book.Close())
	}
}

// Whoever signs: the note has the serial that the order gave it, and its text.
func TestRetiredInOrderIsSignedAnew(t *testing.T) {
	first, second := logbooktest.NewNotary().Identity, logbooktest.NewNotary().Identity
	notary := &rotating{}
	notary.use(first)
	cfg := testConfig(t.TempDir())
	cfg.Notary = notary
	book := orderedBook(t, cfg)
	_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
	check(t, err)
	_, err = book.Retirer.RetireOrdered(set(t, "0"), planned(t, book, "0"))
	check(t, err)
	text := func() []byte { return read(t, filepath.Join(cfg.Dir, fit.RetiredPath)) }
	old, err := logbooktest.Notary{Identity: first}.OpenRetired(text())
	check(t, err)
	signedBy := func(n *Logbook, signs logbooktest.Notary) {
		t.Helper()
		_, err := n.Retirer.Work(nil)
		check(t, err)
		note, err := signs.OpenRetired(text())
		check(t, err)
		if err := note.Follows(old); err != nil || note.Serial != 1 {
			t.Errorf("serial %d, %v", note.Serial, err)
		}
	}
	notary.use(second)
	signedBy(book, logbooktest.Notary{Identity: second})
	check(t, book.Close())
	notary.use(first)
	cfg.KnownRetired = 1
	signedBy(orderedBook(t, cfg), logbooktest.Notary{Identity: first}) // the change came while no server ran
}

// Who reads orders never waits for the removal of files, and neither mistakes what the other
// has come to.
func TestRetireOrderedBesideWork(t *testing.T) {
	dir := t.TempDir()
	book := open(t, testConfig(dir))
	const messages = 300
	for range messages {
		_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
		check(t, err)
	}
	size := uint64(len(read(t, filepath.Join(dir, disk.LogsDir, logfile.FileName(messages-1)))))
	check(t, book.Close())
	book = orderedBook(t, testConfig(dir))
	var wg sync.WaitGroup
	ordered := make(chan struct{})
	wg.Go(func() {
		defer close(ordered)
		for n := uint64(0); n < messages-10; n++ {
			_, on, err := book.Retirer.Plan(set(t, "0"))
			if err == nil {
				var one numbers.Set
				one.Add(numbers.One(n))
				_, err = book.Retirer.RetireOrdered(one, on)
			}
			if err != nil {
				t.Error(err)
			}
		}
	})
	for running := true; running; {
		select {
		case <-ordered:
			running = false
		default:
		}
		which, err := book.Retirer.Due(Policy{Bytes: 10 * size}, book.cfg.now())
		check(t, err)
		if last, some := which.Last(); some && last >= messages-10 {
			t.Fatalf("more goes than has to: up to %d", last)
		}
		_, err = book.Retirer.Work(nil)
		check(t, err)
	}
	wg.Wait()
	if which, err := book.Retirer.Due(Policy{Bytes: 10 * size}, book.cfg.now()); err != nil || !which.Empty() {
		t.Errorf("due: %v, %v", which, err)
	}
	check(t, book.Close())
	if found := verified(t, dir); found.Retired != messages-10 {
		t.Errorf("%+v", found)
	}
}
