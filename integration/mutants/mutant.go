package main

import (
	"context"
	"os"

	"sealpost/integration/mutants/mutate"
)

// mutant is a change of a file; tests of a package must fail.
type mutant struct {
	what   string // what is lost
	change mutate.Change
	suite
}

// try runs the tests with the change in the place of the original.
func (m mutant) try(ctx context.Context) outcome {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return outcome{verdict: failed, said: err.Error()}
	}
	defer func() { _ = os.RemoveAll(dir) }()
	texts, err := mutate.Apply(".", m.change)
	if err != nil {
		return outcome{verdict: doesNotApply, said: err.Error()}
	}
	overlay, err := mutate.Overlay(dir, texts)
	if err != nil {
		return outcome{verdict: failed, said: err.Error()}
	}
	return m.suite.try(ctx, dir, "-overlay="+overlay)
}
