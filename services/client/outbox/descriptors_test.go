package outbox

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/sync/semaphore"

	"sealpost/services/client/outbox/group"
	"sealpost/shared/message"
)

// A client that may have few descriptors sends as much as another, in groups that it
// has enough of them for.
func TestFewDescriptors(t *testing.T) {
	b := newBench(t)
	files := manyFiles(2*group.Most + 1)
	b.put(files)
	client := b.spawn(plan{Descriptors: 400})
	if err := client.Wait(); err != nil {
		t.Fatal(err)
	}
	b.onlySent(files, message.None)
}

// Groups wait for each other's files to be closed, and one that wants more than all may
// have waits until it is alone.
func TestMayOpen(t *testing.T) {
	o := &run{mostOpen: 3, open: semaphore.NewWeighted(3)}
	for _, wanted := range []struct{ files, left int64 }{{2, 1}, {3, 0}, {100, 0}} {
		end, err := o.mayOpen(t.Context(), int(wanted.files))
		if err != nil {
			t.Fatal(err)
		}
		if o.open.TryAcquire(wanted.left + 1) {
			t.Errorf("beside %d files %d more may be open", wanted.files, wanted.left+1)
		}
		end()
		if !o.open.TryAcquire(3) {
			t.Fatalf("not all that %d files took came back", wanted.files)
		}
		o.open.Release(3)
	}
	none, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.mayOpen(none, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("with its context at an end: %v", err)
	}
}
