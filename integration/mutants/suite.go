package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

type verdict string

const (
	caught       verdict = "caught"
	survived     verdict = "SURVIVED"
	doesNotApply verdict = "DOES NOT APPLY"
	doesNotBuild verdict = "DOES NOT BUILD"
	hung         verdict = "TIMED OUT"
	failed       verdict = "FAILED"
	sound        verdict = "sound" // the tests pass on what is not mutated
)

// outcome is a verdict, what was said on the way to it, and the processor time
// of the compiler and of the tests.
type outcome struct {
	verdict      verdict
	said         string
	build, tests time.Duration
}

// suite is tests that must notice.
type suite struct {
	pkg string // as the go command is told
	run string // which of its tests, as for go test -run: the cheapest that do
}

// limit is far more than any suite takes on a busy machine, and than its tests
// wait for what does not come: a mutant that makes a test hang is not caught by
// it.
const limit = 8 * time.Minute

// quick has the compiler inline nothing in the package itself, which takes a third
// of its time, and the linker leave out the symbols, which a debugger would need.
const quick = "-gcflags=-l -ldflags=-s"

// try compiles the tests in dir, where they also leave what they leave behind,
// and runs them. The flags are also for programs that the tests build.
func (s suite) try(ctx context.Context, dir string, flags ...string) outcome {
	binary := filepath.Join(dir, "test")
	flags = append(flags, quick, os.Getenv("GOFLAGS"))
	env := append(os.Environ(), "TMPDIR="+dir, "GOFLAGS="+strings.Join(flags, " "))
	build := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-o", binary, s.pkg)
	build.Env = append(env, "GOGC=400") // compiler and linker end before their memory matters
	build.Cancel = func() error { return build.Process.Signal(os.Interrupt) }
	said, err := build.CombinedOutput()
	if err != nil {
		return outcome{verdict: doesNotBuild, said: string(said)}
	}
	tests := exec.CommandContext(ctx, binary, "-test.failfast", "-test.timeout="+limit.String(), "-test.run="+s.run)
	tests.Dir, tests.Env = s.pkg, env // as the go command does
	said, err = tests.CombinedOutput()
	return outcome{judge(string(said), err), string(said), processorTime(build), processorTime(tests)}
}

// noticed is in the output of tests of which one failed. A program that could not
// be built, for one, has them fail otherwise.
var noticed = regexp.MustCompile(`(?m)^( *--- FAIL: |panic: |fatal error: )`)

func judge(said string, err error) verdict {
	switch {
	case strings.Contains(said, "no tests to run"):
		return failed
	case err == nil:
		return survived
	case strings.Contains(said, "panic: test timed out"):
		return hung
	case noticed.MatchString(said):
		return caught
	}
	return failed
}

// processorTime includes that of processes that cmd started and waited for.
func processorTime(cmd *exec.Cmd) time.Duration {
	if cmd.ProcessState == nil {
		return 0 // it was not started
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// check runs the tests on the project as it is. Where they fail then, their
// failures say nothing of any mutant.
func (s suite) check(ctx context.Context) outcome {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return outcome{verdict: failed, said: err.Error()}
	}
	defer func() { _ = os.RemoveAll(dir) }()
	o := s.try(ctx, dir)
	if o.verdict == survived {
		o.verdict = sound
	}
	return o
}

// suites returns all that the mutants need, together, package by package.
func suites(mutants []mutant) (list []suite) {
	for _, m := range mutants {
		i := slices.IndexFunc(list, func(s suite) bool { return s.pkg == m.pkg })
		switch {
		case i < 0:
			list = append(list, m.suite)
		case !slices.Contains(strings.Split(list[i].run, "|"), m.run):
			list[i].run += "|" + m.run
		}
	}
	return list
}
