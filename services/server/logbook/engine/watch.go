package engine

import "time"

// Step is a part of a commit whose time is measured.
type Step int

// Steps of a group, in their order; the last is done once for many groups.
const (
	StepFiles     Step = iota // the flush of the staged files and their names
	StepRecord                // the record is appended, and flushed
	StepRename                // the files get their final names
	StepManifest              // the lines are appended
	StepTree                  // the tree is brought up to them
	StepSignature             // the tree is signed
	StepRotation              // manifest, tree and names are flushed, the records started afresh
)

var stepNames = [...]string{"files", "record", "rename", "manifest", "tree", "signature", "rotation"}

func (s Step) String() string { return stepNames[s] }

// Steps lists all of them.
func Steps() []Step {
	all := make([]Step, len(stepNames))
	for i := range all {
		all[i] = Step(i)
	}
	return all
}

// Watch hears how the committer fares: once a group, never for a message. It is called by the
// committer and by its flush, and must not wait for anything. What is nil hears nothing.
type Watch struct {
	Group func(messages int)                  // a group is kept
	Step  func(step Step, took time.Duration) // a step has succeeded, after however many tries
}

func (w Watch) withDefaults() Watch {
	if w.Group == nil {
		w.Group = func(int) {}
	}
	if w.Step == nil {
		w.Step = func(Step, time.Duration) {}
	}
	return w
}

// laps measures steps that follow each other.
type laps struct {
	watch Watch
	begun time.Time
}

func (w Watch) start() *laps { return &laps{w, time.Now()} }

// end ends a step; the next one begins.
func (l *laps) end(step Step) {
	now := time.Now()
	l.watch.Step(step, now.Sub(l.begun))
	l.begun = now
}
