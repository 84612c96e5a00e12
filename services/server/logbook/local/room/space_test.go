package room

import (
	"errors"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
)

// volumeOf is a space on a volume whose free bytes the test sets; each look at
// them is a new one.
type volumeOf struct {
	*Space
	bytes uint64
}

func newVolumeOf(free, limit uint64) *volumeOf {
	v := &volumeOf{NewSpace("", limit), free}
	v.free.Read = func() (uint64, error) { return v.bytes, nil }
	return v
}

// write fills a reservation with n bytes in small parts, as a message comes, and
// gives the first error.
func (v *volumeOf) write(c *Reservation, n uint64) error {
	for part := uint64(32 << 10); n > 0; n -= min(n, part) {
		if err := c.Want(min(n, part)); err != nil {
			return err
		}
		v.bytes -= min(n, part)
		c.Wrote(min(n, part))
	}
	return nil
}

// rest is what can be promised by a fresh look.
func (v *volumeOf) rest(t *testing.T) uint64 {
	t.Helper()
	v.free.Forget()
	left, err := v.left(0)
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func (v *volumeOf) mustOpen(t *testing.T, sender string, n uint64) *Reservation {
	t.Helper()
	c, err := v.Open(sender, n)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Whatever was written, what is left is what was free less what is promised and
// written: by the reading of before the write and by the next one.
func TestRoomIsCountedOnce(t *testing.T) {
	const free, size = 100 << 20, 10<<20 + 1
	v := newVolumeOf(free, 1<<40)
	whole := v.rest(t)
	c := v.mustOpen(t, "a", size)
	for written := uint64(0); written < size; written += 32 << 10 {
		if err := v.write(c, min(32<<10, size-written)); err != nil {
			t.Fatal(err)
		}
		stale, _ := v.left(0)
		if held := c.promised + c.written; stale != whole-held || v.rest(t) != stale {
			t.Fatalf("after %d bytes %d are left by the last look, %d by a new one, %d are held",
				written, stale, v.rest(t), held)
		}
	}
	c.Complete()
	if held := c.promised + c.written; held != Blocks(size) || c.promised != 0 {
		t.Errorf("a complete message holds %d bytes, and is promised %d", held, c.promised)
	}
	c.End()
	if v.promised != 0 || v.held != 0 || len(v.of) != 0 {
		t.Errorf("%d promised, %d held, %v", v.promised, v.held, v.of)
	}
	if left := v.rest(t); left != whole-size { // it is kept
		t.Errorf("%d are left", left)
	}
}

// What durable messages need to be finished is kept free.
func TestRoomIsKeptFree(t *testing.T) {
	v := newVolumeOf(engine.Headroom+100*blockSize, 1<<40)
	if _, err := v.Open("a", 101*blockSize); !errors.Is(err, logbook.ErrNoSpace) {
		t.Errorf("more than may be used: %v", err)
	}
	for range 3 {
		fill(v)
	}
	if v.bytes < engine.Headroom {
		t.Errorf("%d bytes are left", v.bytes)
	}
}

// fill has more and more senders take what they get.
func fill(v *volumeOf) {
	for _, sender := range []string{"a", "b", "c", "d"} {
		for n := v.bytes; n >= blockSize; n /= 2 {
			if c, err := v.Open(sender, n); err == nil {
				_ = v.write(c, Blocks(n))
			}
		}
	}
}

// However many senders take all that they get, one more finds room, and no
// promise comes before its bytes by more than a step.
func TestRoomIsLeft(t *testing.T) {
	for name, limit := range map[string]uint64{"by the volume": 1 << 40, "by the limit": 750 << 20} {
		for senders := 1; senders <= 5; senders++ {
			v := newVolumeOf(engine.Headroom+1000<<20, limit)
			if limit < v.bytes {
				v.bytes = 1 << 40
			}
			whole := v.rest(t)
			for n := range senders {
				takeAll(v, string(rune('a'+n)))
			}
			least := whole / uint64([]int{4, 10, 18, 27, 36}[senders-1])
			if left := v.rest(t); left < least {
				t.Errorf("%s: %d senders leave %d MiB of %d", name, senders, left>>20, whole>>20)
			}
			c, err := v.Open("one more", least/5)
			if err == nil {
				err = v.write(c, least/5)
			}
			if err != nil {
				t.Errorf("%s: one more after %d: %v", name, senders, err)
			}
		}
	}
}

// takeAll has a sender hold all that it gets, in many messages.
func takeAll(v *volumeOf, sender string) {
	for n := uint64(800 << 20); n >= blockSize; {
		c, err := v.Open(sender, n)
		if err != nil {
			n /= 2
			continue
		}
		_ = v.write(c, n)
	}
}

// One message alone may be as large as the limit, or nearly as the volume.
func TestOneAloneGetsNearlyAll(t *testing.T) {
	for name, v := range map[string]*volumeOf{
		"the limit": newVolumeOf(1<<40, 750<<20), "the volume": newVolumeOf(engine.Headroom+1000<<20, 1<<40),
	} {
		c, err := v.Open("a", 750<<20)
		if err == nil {
			err = v.write(c, 750<<20)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A sender who holds more than is left must bring each message within holdFor.
func TestScarceRoomIsHurried(t *testing.T) {
	v := newVolumeOf(engine.Headroom+100<<20, 1<<40)
	c := v.mustOpen(t, "a", 70<<20)
	if err := v.write(c, 40<<20); err != nil || c.LeastRate() != 0 {
		t.Errorf("with room for others: %d bytes a second, %v", c.LeastRate(), err)
	}
	if err := v.write(c, 20<<20); err != nil || c.LeastRate() != 0 {
		t.Errorf("with more than is left, which nobody wants: %d bytes a second, %v", c.LeastRate(), err)
	}
	if _, err := v.Open("a", 60<<20); err == nil || c.LeastRate() != 0 {
		t.Errorf("refused more itself: %d bytes a second, %v", c.LeastRate(), err)
	}
	if _, err := v.Open("b", 60<<20); err == nil || c.LeastRate() != 60<<20/uint64(holdFor.Seconds()) {
		t.Errorf("with more than is left, which another wants: %d bytes a second, %v", c.LeastRate(), err)
	}
	if _, err := v.Open("a", 60<<20); err == nil || c.LeastRate() == 0 {
		t.Errorf("refused itself after another: %d bytes a second, %v", c.LeastRate(), err)
	}
	v.refused[1].at = time.Now().Add(-holdFor)
	if c.LeastRate() != 0 {
		t.Error("hurried for one who was refused long ago")
	}
	v.noteRefused("b", time.Now())
	if small := v.mustOpen(t, "a", 100); small.LeastRate() != 0 {
		t.Error("a small message is hurried")
	}
	if other := v.mustOpen(t, "b", 10<<20); other.LeastRate() != 0 {
		t.Error("another sender is hurried")
	}
}

// A volume that does not say what it has free takes nothing.
func TestRoomIsNotKnown(t *testing.T) {
	v := newVolumeOf(0, 1<<40)
	v.free.Read = func() (uint64, error) { return 0, errors.New("no answer") }
	if _, err := v.Open("a", 1); !errors.Is(err, logbook.ErrUnavailable) || errors.Is(err, logbook.ErrNoSpace) {
		t.Error(err)
	}
}

// Room that has come free since the last look is there for who needs it.
func TestRefusedByAFreshLook(t *testing.T) {
	v := newVolumeOf(engine.Headroom, 1<<40)
	v.free.For = time.Hour // far from due
	v.rest(t)
	v.bytes += 10 << 20
	v.mustOpen(t, "a", 1<<20)
}
