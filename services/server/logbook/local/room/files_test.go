package room

import (
	"testing"

	"sealpost/services/server/logbook/engine"
)

// A group has no more messages than there are descriptors for.
func TestGroupsFitTheDescriptors(t *testing.T) {
	for descriptors, want := range map[int]int{
		MostFiles: engine.MaxGroup, 2 * MostFiles: engine.MaxGroup, 240: 60, 16: 4, 1: 1,
	} {
		if got := GroupSize(descriptors); got != want {
			t.Errorf("with %d descriptors a group has %d messages", descriptors, got)
		}
	}
}
