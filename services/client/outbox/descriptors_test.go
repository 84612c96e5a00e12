package outbox

import (
	"testing"

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
