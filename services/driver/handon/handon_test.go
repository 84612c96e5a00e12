package handon_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"sealpost/services/driver/handon"
)

// TestInOrder: each message once, with its bytes, and what is new in the next run.
func TestInOrder(t *testing.T) {
	for _, file := range []bool{false, true} {
		p := newPlace(t, 4)
		p.to.file = file
		p.green(p.run())
		p.got(0, 1, 2, 3)
		if want := []string{"", "x", "xx", "xxx"}; !slices.Equal(p.to.text, want) {
			t.Errorf("messages %q", p.to.text)
		}
		p.holds("handed", "4\n")
		p.green(p.run())
		p.got()
		p.v.AddEnciphered("b", []byte("deciphered"), "secret")
		p.green(p.run())
		p.got(4)
		if p.to.text[0] != "deciphered" {
			t.Errorf("message %q", p.to.text[0])
		}
		if left, err := filepath.Glob(filepath.Join(p.cfg.Dir, ".*.message")); err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	}
}

// TestCollectingDoesNotWait: the hook takes the first message only after all were
// collected and lines of a later run are there, too.
func TestCollectingDoesNotWait(t *testing.T) {
	p := newPlace(t, 3)
	collected := make(chan struct{})
	p.to.take = func(context.Context, uint64) error { <-collected; return nil }
	h := handon.Start(t.Context(), p.cfg)
	p.collect(h.Kept)
	p.v.Add("later", nil)
	p.collect(h.Kept)
	close(collected)
	p.green(h.Finish())
	p.got(0, 1, 2, 3)
}

// TestFailsOnce: it is tried again before any other.
func TestFailsOnce(t *testing.T) {
	p := newPlace(t, 3)
	failed := false
	p.to.take = func(_ context.Context, number uint64) error {
		if number == 1 && !failed {
			failed = true
			p.holds("handed", "1\n")
			return errRefused
		}
		return nil
	}
	p.green(p.run())
	p.got(0, 1, 1, 2)
	p.holds("handed", "3\n")
}
