package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// mutant replaces text that occurs once in a file; tests of a package must fail.
type mutant struct {
	name     string // what is lost
	file     string // from the root of the module
	old, new string
	suite
}

// suite is the tests that must notice.
type suite struct {
	tests string // the package
	run   string // which of its tests, as for go test -run: the cheapest that do
}

// try runs the tests with the mutant in the place of the original, which is not
// touched: the go command is told to read another file.
func (m mutant) try(ctx context.Context) outcome {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return outcome{failed, err.Error()}
	}
	defer func() { _ = os.RemoveAll(dir) }()
	overlay, v, err := m.write(dir)
	if err != nil {
		return outcome{v, err.Error()}
	}
	binary, said, err := build(ctx, dir, m.tests, "-overlay", overlay)
	switch {
	case ctx.Err() != nil:
		return outcome{failed, ctx.Err().Error()}
	case err != nil:
		return outcome{doesNotBuild, said}
	}
	return m.suite.try(ctx, binary, withOverlay(overlay))
}

// withOverlay is for tests that build programs themselves.
func withOverlay(overlay string) string {
	return "GOFLAGS=" + strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+overlay)
}

// write makes the mutated file and the list that puts it in place.
func (m mutant) write(dir string) (overlay string, v verdict, err error) {
	original, err := filepath.Abs(m.file)
	if err != nil {
		return "", failed, err
	}
	text, err := os.ReadFile(original)
	if err != nil {
		return "", doesNotApply, err
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return "", doesNotApply, errTimes(n)
	}
	mutated := filepath.Join(dir, "mutated.go")
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(text), m.old, m.new, 1)), 0o600); err != nil {
		return "", failed, err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {original: mutated}})
	if err != nil {
		return "", failed, err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, failed, os.WriteFile(overlay, list, 0o600)
}
