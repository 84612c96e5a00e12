package local

import (
	"fmt"
	"strings"
	"testing"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/shared/durable/durabletest"
)

// after returns the points in the run behind each operation of that kind.
func (tr *trace) after(is func(disk.Step) bool) (points []int) {
	for i, s := range tr.steps {
		if is(s) {
			points = append(points, i+1)
		}
	}
	return points
}

func freshRecords(s disk.Step) bool { return s.Op == disk.OpRename && s.To == wal.Path }

func givenUp(s disk.Step) bool {
	return s.Op == disk.OpRemove && strings.HasPrefix(s.Name, disk.StagingDir+"/"+disk.StagedPrefix)
}

func recordFlushed(s disk.Step) bool { return s.Op == disk.OpSync && s.Name == wal.Path }

// TestPowerCutAtRotations looks closer at the moments in which fresh records
// have just come into the place of the old ones, which vouch for nothing any
// more, and at those in which a staged file has been given up: what they vouched
// for must be there, and they must not be back, whatever of the rest survives.
func TestPowerCutAtRotations(t *testing.T) {
	for _, run := range powerCuts() {
		t.Run(run.name, func(t *testing.T) {
			t.Parallel()
			tr, start, drafts, contents, _ := run.record(t)
			points := tr.after(freshRecords)
			if len(points) < 5 {
				t.Fatalf("%d rotations", len(points))
			}
			tried := make(tried)
			for _, n := range append(points, tr.after(givenUp)...) {
				drive, receipted, signed := tr.at(start, n)
				for _, w := range closeSurvivals() {
					if t.Failed() {
						return
					}
					what := fmt.Sprintf("power cut at a rotation, before operation %d (%s), %s survives",
						n, stepName(tr.steps, n), w.Name)
					(&cut{what, run, drive.After(w), w.Ordered, receipted, signed, drafts, contents, tried}).check(t)
				}
			}
		})
	}
}

// closeSurvivals lose each of a few changes by itself, and some at random.
func closeSurvivals() (ws []durabletest.Survival) {
	for i := range 8 {
		ws = append(ws, durabletest.AllBut(i), durabletest.AtRandom(*crashSeed+uint64(i), i%2 == 0))
	}
	return ws
}

// TestPowerCutInRecovery cuts the power while there is most to recover: each
// group in turn has its record and nothing else, and then again after each
// operation of the recovery.
func TestPowerCutInRecovery(t *testing.T) {
	for _, run := range powerCuts()[:3] {
		t.Run(run.name, func(t *testing.T) {
			t.Parallel()
			tr, start, drafts, contents, _ := run.record(t)
			tried := make(tried)
			for _, n := range tr.after(recordFlushed) {
				if t.Failed() {
					return
				}
				drive, receipted, signed := tr.at(start, n)
				what := fmt.Sprintf("power cut before operation %d (%s), nothing more survives", n, stepName(tr.steps, n))
				c := &cut{what, run, drive.After(durabletest.Nothing), true, receipted, signed, drafts, contents, tried}
				c.checkTwice(t)
			}
		})
	}
}
