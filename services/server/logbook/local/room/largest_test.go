package room

import (
	"errors"
	"testing"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
)

// newLargest is a volume with so many bytes free, and inodes enough.
func newLargest(free uint64) *volumeOf {
	v := newVolumeOf(free, 1<<40)
	v.inodes = func() (uint64, error) { return keptInodes, nil }
	return v
}

// At the reserve a message of the largest size is kept, of a sender who has none on
// its way; with a block less it is refused. Largest says the same beforehand.
func TestReserveIsOneLargest(t *testing.T) {
	for _, largest := range []uint64{1, blockSize, 3*blockSize - 1, Step, 16<<20 + 1, 1<<30 + 77} {
		reserve, _ := Reserve(largest)
		v := newLargest(reserve)
		if err := v.Largest(largest); err != nil {
			t.Errorf("%d: with the reserve: %v", largest, err)
		}
		r, err := v.Open("a", largest)
		if err == nil {
			err = v.write(r, largest)
		}
		if err != nil {
			t.Errorf("%d: refused with the reserve: %v", largest, err)
		}
		v = newLargest(reserve - blockSize)
		if err := v.Largest(largest); !errors.Is(err, logbook.ErrNoSpace) || !errors.As(err, new(*LargestError)) {
			t.Errorf("%d: with a block less: %v", largest, err)
		}
		if _, err := v.Open("a", largest); !errors.Is(err, logbook.ErrNoSpace) {
			t.Errorf("%d: taken with a block less: %v", largest, err)
		}
	}
}

// What others have on their way counts, and the same is said while it grows; parts do
// not count, since they go first.
func TestLargestBesideOthers(t *testing.T) {
	const largest = 10 << 20
	v := newLargest(engine.Headroom + 64<<20)
	r := v.mustOpen(t, "a", 48<<20)
	bring := func(n uint64, room bool) (reason string) {
		t.Helper()
		if err := v.write(r, n); err != nil {
			t.Fatal(err)
		}
		err := v.Largest(largest)
		other, refused := v.Open("b", largest)
		if (err == nil) != room || (refused == nil) != room {
			t.Errorf("%d bytes are there: %v, and an offer hears %v", r.written, err, refused)
		}
		if other != nil {
			other.End()
		}
		if err != nil {
			reason = err.Error()
		}
		return reason
	}
	bring(40<<20, true)
	was := bring(7<<20, false) // 17 MiB are left, which one alone would find enough
	if is := bring(1<<20, false); is != was || is == "" {
		t.Errorf("another reason: %q, then %q", was, is)
	}
	r.keep(r.written)
	r.Shelve()
	v.bytes -= 8 << 20
	v.Found("c", 8<<20).Shelve() // 8 MiB are left beside the two
	if err := v.Largest(largest); err != nil {
		t.Errorf("only parts are in the way: %v", err)
	}
}

// The limit of what all may have on their way says nothing of the volume.
func TestLargestIsNotOfTheLimit(t *testing.T) {
	v := newLargest(1 << 40)
	v.Limit = 10 << 20
	if err := v.write(v.mustOpen(t, "a", 9<<20), 9<<20); err != nil {
		t.Fatal(err)
	}
	if err := v.Largest(10 << 20); err != nil {
		t.Error(err)
	}
}

// A message takes inodes too.
func TestLargestTakesInodes(t *testing.T) {
	v := newLargest(1 << 40)
	left, failure := uint64(keptInodes), error(nil)
	v.inodes = func() (uint64, error) { return left, failure }
	if err := v.Largest(1 << 20); err != nil {
		t.Error(err)
	}
	left--
	if err := v.Largest(1 << 20); !errors.As(err, new(*LargestError)) {
		t.Errorf("one too few: %v", err)
	}
	left, failure = keptInodes, errors.New("no answer")
	if err := v.Largest(1 << 20); !errors.Is(err, failure) || errors.Is(err, logbook.ErrNoSpace) {
		t.Errorf("nobody knows: %v", err)
	}
}
