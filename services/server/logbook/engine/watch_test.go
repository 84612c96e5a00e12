package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/logbooktest"
)

// Every step of a group is heard of once, in its order, also one that took two tries, and not one
// that failed; and the group itself once it is kept.
func TestWatch(t *testing.T) {
	var mu sync.Mutex
	var heard []string
	hear := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, what)
	}
	rotated := make(chan struct{})
	healed := sync.OnceFunc(func() { close(rotated) })
	broken := errors.New("broken")
	failing := map[disk.Op]bool{disk.OpRename: true}
	e := startWatched(t, func(s disk.Step) error {
		if failing[s.Op] && strings.HasPrefix(s.Name, disk.StagingDir+"/"+disk.StagedPrefix) {
			delete(failing, s.Op)
			return broken
		}
		return nil
	}, time.Millisecond, Watch{
		Group: func(n int) { hear(fmt.Sprint("group of ", n)) },
		Step: func(s Step, _ time.Duration) {
			if hear(s.String()); s == StepRotation {
				healed()
			}
		},
	})
	answer := make(chan error, 1)
	m := &Message{Draft: logbooktest.Draft("a", []byte("x")),
		Body: &fileBody{vol: e.stores.Volume, name: disk.StagingDir + "/" + disk.StagedPrefix + "1"},
		Then: func(_ logbook.Facts, err error) { answer <- err }}
	check(t, e.Push(t.Context(), m))
	check(t, logbooktest.Await(t, "the answer", answer))
	logbooktest.Await(t, "fresh records, since a step had failed", rotated)
	check(t, e.Close())
	heard = slices.Compact(heard) // it may have rotated more than once, to heal
	want := []string{"files", "record", "rename", "manifest", "tree", "signature", "group of 1", "rotation"}
	if !slices.Equal(heard, want) {
		t.Errorf("heard of %q, not %q", heard, want)
	}
	if len(failing) > 0 {
		t.Error("the rename never failed")
	}
	sizes := e.FileSizes()
	if got := slices.Sorted(maps.Keys(sizes)); !slices.Equal(got, []string{"index", "manifest", "records", "tree"}) ||
		sizes["tree"] != 32 || sizes["manifest"] == 0 {
		t.Errorf("sizes of files: %v", sizes)
	}
}
