package collector

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

// owedName is the file that lists the numbers which the kept manifest has passed
// without their log files, a number or a range FIRST-LAST on each line. They are
// tried on each run, after all that is new, until they have come or Forget is
// called. It is durable before the lines that pass over them.
const owedName = "owed"

// maxOwed bounds the list, in bytes: some million ranges.
const maxOwed = 64 << 20

// OwedError says why the list of owed numbers cannot be read.
type OwedError struct {
	Path  string
	Line  int // from 1
	Cause error
}

func (e *OwedError) Error() string { return fmt.Sprintf("%s: line %d: %v", e.Path, e.Line, e.Cause) }

// Unwrap returns the cause.
func (e *OwedError) Unwrap() error { return e.Cause }

// owingName is a lock that is held while the list is read and written again: who
// collects and who hands on change it at the same time.
const (
	owingName = ".owing"
	owingWait = 10 * time.Second // nobody holds it longer than a flush takes
)

// Owed reads the list.
func (o *Output) Owed() (numbers.Set, error) {
	text, err := o.ReadFile(owedName, maxOwed)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return numbers.Set{}, err
	}
	var owed numbers.Set
	in := bufio.NewScanner(bytes.NewReader(text))
	for line := 1; in.Scan(); line++ {
		n, err := numbers.Parse(in.Text())
		if err != nil {
			return numbers.Set{}, &OwedError{Path: o.path(owedName), Line: line, Cause: err}
		}
		owed.AddAll(n)
	}
	if in.Err() != nil {
		return numbers.Set{}, &OwedError{Path: o.path(owedName), Line: 1, Cause: in.Err()}
	}
	return owed, nil
}

// ChangeOwed puts numbers on the list and takes others off it, durably, and returns
// what it holds then. The error is ErrInUse where another process does so for long.
func (o *Output) ChangeOwed(more, less numbers.Set) (owed numbers.Set, err error) {
	lock, err := o.lockWithin(owingName, owingWait)
	if err != nil {
		return owed, inUse(err)
	}
	defer lock.Close()
	if owed, err = o.Owed(); err != nil {
		return owed, err
	}
	before := owed.Clone()
	owed.RemoveAll(less)
	owed.AddAll(more)
	if slices.Equal(owed.Ranges(), before.Ranges()) {
		return owed, nil
	}
	return owed, o.writeOwed(owed)
}

// writeOwed replaces the list, durably. An empty one has no file.
func (o *Output) writeOwed(owed numbers.Set) error {
	if owed.Empty() {
		err := o.Remove(owedName)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return errors.Join(err, o.Sync())
	}
	return o.WriteFile(owedName, []byte(owed.Join("\n")+"\n"))
}

// ErrNotOwed means that none of the numbers given is owed.
var ErrNotOwed = errors.New("none of these numbers is owed")

// ErrNotReached means that no run has come to one of the numbers given.
var ErrNotReached = errors.New("the messages collected so far do not reach so far")

// NumbersError says why something cannot be done with numbers.
type NumbersError struct {
	Numbers numbers.Set
	Cause   error
}

func (e *NumbersError) Error() string { return fmt.Sprintf("%v: %v", e.Numbers, e.Cause) }

// Unwrap returns the cause.
func (e *NumbersError) Unwrap() error { return e.Cause }

// Forget gives up on the owed ones among which, durably, and returns them. The
// error is a *NumbersError with ErrNotOwed if there are none, ErrInUse, an
// *OwedError or a local file error.
func Forget(dir string, which numbers.Set) (forgotten numbers.Set, err error) {
	err = edit(dir, func(k *kept) error {
		forgotten = k.owed.Common(which)
		if forgotten.Empty() {
			return &NumbersError{which, ErrNotOwed}
		}
		for _, r := range forgotten.Ranges() {
			k.settled(r, 0)
		}
		return nil
	})
	return forgotten, err
}

// Again makes which owed that were collected earlier: the next run fetches
// those whose files are not in dir. The error is a *NumbersError with
// ErrNotReached, ErrInUse, an *OwedError or a local file error.
func Again(dir string, which numbers.Set) error {
	return edit(dir, func(k *kept) error {
		for _, r := range which.Ranges() {
			if r.Last >= k.lines {
				return &NumbersError{which, ErrNotReached}
			}
			k.owe(r)
		}
		return nil
	})
}

// edit changes the list of owed numbers while no run works on dir. It makes
// neither directory nor manifest: a mistyped name is an error.
func edit(dir string, change func(*kept) error) error {
	out, err := OpenOutput(dir)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := out.Lstat(logfile.ManifestName); err != nil {
		return err
	}
	lock, err := out.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	k, err := openKept(out)
	if err != nil {
		return err
	}
	defer k.close()
	if err := change(k); err != nil {
		return err
	}
	return k.flush()
}
