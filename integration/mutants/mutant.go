package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// mutant replaces text that occurs once in a file; tests of a package must fail.
type mutant struct {
	name     string // what is lost
	file     string // from the root of the module
	old, new string
	tests    string // the package whose tests notice
	run      string // which of them, as for go test -run; "": all
}

type verdict string

const (
	caught       verdict = "caught"
	survived     verdict = "SURVIVED"
	doesNotApply verdict = "DOES NOT APPLY"
	doesNotBuild verdict = "DOES NOT BUILD"
	hung         verdict = "TIMED OUT"
	failed       verdict = "FAILED"
)

// try runs the tests with the mutant in the place of the original, which is not
// touched: the go command is told to read another file.
func (m mutant) try(ctx context.Context) (v verdict, said string) {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return failed, err.Error()
	}
	defer func() { _ = os.RemoveAll(dir) }()
	overlay, v, err := m.write(dir)
	if err != nil {
		return v, err.Error()
	}
	binary := filepath.Join(dir, "test")
	out, err := goCommand(ctx, "test", "-c", "-overlay", overlay, "-o", binary, m.tests)
	if err != nil {
		return doesNotBuild, out
	}
	out, err = goCommand(ctx, "test", "-count=1", "-failfast", "-timeout", "5m", "-skip", "PowerCuts$", "-overlay", overlay, "-run", m.run, m.tests)
	switch {
	case ctx.Err() != nil:
		return failed, ctx.Err().Error()
	case err == nil:
		return survived, out
	case strings.Contains(out, "panic: test timed out"):
		return hung, out
	}
	return caught, out
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

func goCommand(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	// An end by signal must not leave the tests' own processes behind.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.CombinedOutput()
	return string(out), err
}
