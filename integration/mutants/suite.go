package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
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

// outcome is a verdict, and what was said on the way to it.
type outcome struct {
	verdict verdict
	said    string
}

// limit is far more than any suite takes on a busy machine, and than its tests
// wait for what does not come: a mutant that makes a test hang is not caught by
// it.
const limit = 8 * time.Minute

// build compiles the tests of a package into dir.
func build(ctx context.Context, dir, tests string, flags ...string) (binary, said string, err error) {
	binary = filepath.Join(dir, "test")
	args := append([]string{"test", "-c", "-vet=off", "-o", binary}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, tests)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.CombinedOutput()
	return binary, string(out), err
}

// try runs the compiled tests of the suite, with more in their environment. What
// they leave behind lies beside the binary.
func (s suite) try(ctx context.Context, binary string, more ...string) outcome {
	cmd := exec.CommandContext(ctx, binary, "-test.count=1", "-test.failfast", "-test.timeout="+limit.String(), "-test.run="+s.run)
	cmd.Dir = s.tests // as the go command does
	cmd.Env = append(append(os.Environ(), "TMPDIR="+filepath.Dir(binary)), more...)
	out, err := cmd.CombinedOutput()
	said := string(out)
	switch {
	case ctx.Err() != nil:
		return outcome{failed, ctx.Err().Error()}
	case strings.Contains(said, "no tests to run"):
		return outcome{failed, said}
	case err == nil:
		return outcome{survived, said}
	case strings.Contains(said, "panic: test timed out"):
		return outcome{hung, said}
	}
	return outcome{caught, said}
}

// check runs the suite on what is not mutated. Where its tests fail then, or
// are none, their failures say nothing of any mutant.
func (s suite) check(ctx context.Context, binary string) outcome {
	o := s.try(ctx, binary)
	if o.verdict == survived {
		return outcome{sound, o.said}
	}
	return outcome{failed, o.said}
}
