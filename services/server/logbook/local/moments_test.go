package local

import (
	"fmt"
	"testing"

	"sealpost/shared/durable/durabletest"
)

// after returns the points in the run behind each operation of that kind.
func (tr *trace) after(op Op, name, to string) (points []int) {
	for i, s := range tr.steps {
		if s.Op == op && s.Name == name && s.To == to {
			points = append(points, i+1)
		}
	}
	return points
}

// TestPowerCutAtCheckpoints looks closer at the moments in which fresh records
// have just come into the place of the old ones, which vouch for nothing any
// more: what they vouched for must be there in every weather.
func TestPowerCutAtCheckpoints(t *testing.T) {
	for _, run := range powerCuts() {
		t.Run(run.name, func(t *testing.T) {
			t.Parallel()
			tr, start, drafts, contents, _ := run.record(t)
			points := tr.after(OpRename, recordsNewPath, recordsPath)
			if len(points) < 5 {
				t.Fatalf("%d checkpoints", len(points))
			}
			for _, n := range points {
				disk, receipted, signed := tr.at(start, n)
				for seed := range uint64(12) {
					if t.Failed() {
						return
					}
					w := durabletest.AtRandom(*crashSeed+seed, seed%2 == 0)
					what := fmt.Sprintf("power cut at a checkpoint, before operation %d, %s survives", n, w.Name)
					(&cut{what, disk.After(w), w.Ordered, receipted, signed, drafts, contents}).check(t)
				}
			}
		})
	}
}

// TestPowerCutInRecovery cuts the power while there is most to recover: each
// group in turn has its record and nothing else, and then again after each
// operation of the recovery.
func TestPowerCutInRecovery(t *testing.T) {
	for _, run := range powerCuts()[:2] {
		t.Run(run.name, func(t *testing.T) {
			t.Parallel()
			tr, start, drafts, contents, _ := run.record(t)
			for _, n := range tr.after(OpSync, recordsPath, "") {
				if t.Failed() {
					return
				}
				disk, receipted, signed := tr.at(start, n)
				what := fmt.Sprintf("power cut before operation %d (%s), nothing more survives", n, stepName(tr.steps, n))
				c := &cut{what, disk.After(durabletest.Nothing), true, receipted, signed, drafts, contents}
				c.checkTwice(t, run.together)
			}
		})
	}
}
