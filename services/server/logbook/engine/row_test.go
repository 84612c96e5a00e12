package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// rowOf brings drafts in one row, from one on, and returns the place of the first that
// could not be kept.
func rowOf(t *testing.T, e *Engine, drafts []logbook.Draft, from int, files *int) (failed int) {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, len(drafts))
	row := new(Row)
	for i, d := range drafts[from:] {
		*files++
		name := fmt.Sprintf("%s/%s%d", disk.StagingDir, disk.StagedPrefix, *files)
		wg.Add(1)
		m := &Message{Draft: d, Row: row, Position: uint64(from + i + 1), Body: &fileBody{vol: e.stores.Volume, name: name}}
		m.Then = func(_ logbook.Facts, err error) { errs[from+i] = err; wg.Done() }
		check(t, e.Push(t.Context(), m))
	}
	wg.Wait()
	return slices.IndexFunc(errs, func(err error) bool { return err != nil && !errors.Is(err, logbook.ErrConflict) })
}

// Whatever fails, the numbers of a row follow its order, repeats and conflicts among it.
func TestRowKeepsItsOrder(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 2))
			u := &unreliable{random: rand.New(rand.NewPCG(seed, 3))}
			e := startTrying(t, u.fault, time.Millisecond)
			drafts := make([]logbook.Draft, 200)
			for i := range drafts {
				if drafts[i] = logbooktest.Draft("a", []byte("x")); i > 0 && random.IntN(4) == 0 {
					drafts[i] = drafts[random.IntN(i)]
					drafts[i].Name = []string{"one", "two"}[random.IntN(2)]
				}
			}
			u.bad.Store(true)
			failures, files := 0, 0
			for from := 0; from >= 0; {
				if from = rowOf(t, e, drafts, from, &files); from < 0 {
					break
				}
				if failures++; failures > 50 {
					u.bad.Store(false)
				}
				from = random.IntN(from + 1) // what is kept comes again
			}
			if failures == 0 {
				t.Error("nothing failed")
			}
			wantOrder(t, e, drafts)
		})
	}
}

// wantOrder expects the first of each id, in order.
func wantOrder(t *testing.T, e *Engine, drafts []logbook.Draft) {
	t.Helper()
	var want []message.ID
	for _, d := range drafts {
		if !slices.Contains(want, d.ID) {
			want = append(want, d.ID)
		}
	}
	var have []message.ID
	_, err := e.Entries(t.Context(), 0, func(entry logfile.Entry) error { have = append(have, entry.ID); return nil })
	if err != nil || !slices.Equal(have, want) {
		t.Errorf("%d messages, expected %d, or in another order, %v", len(have), len(want), err)
	}
}
