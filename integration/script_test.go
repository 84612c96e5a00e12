package integration

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// demoScript runs what `make demo` runs, as a project of its own that goes when t
// ends, and returns what came on standard output, on standard error, and its end.
func demoScript(t *testing.T, env ...string) (out, errs string, err error) {
	t.Helper()
	s := newStack(t)
	ctx, cancel := context.WithTimeout(t.Context(), stepTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "../scripts/demo")
	cmd.Env = append(append(os.Environ(), "COMPOSE_PROJECT_NAME="+s.project), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

// TestDemoScript: what the driver prints is all that is printed, and the summary is
// last; compose says nothing.
func TestDemoScript(t *testing.T) {
	t.Parallel()
	out, errs, err := demoScript(t, "CLIENTS=2")
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, errs)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if strings.Trim(lines[0], "-") != "" || lines[1] != "File name: server_message0.txt" {
		t.Errorf("it begins with %q", lines[:2])
	}
	summary := regexp.MustCompile(`^6 files, 11,423 bytes, 6 new; 6 receipts verified; .* seconds$`)
	if last := lines[len(lines)-1]; !summary.MatchString(last) {
		t.Errorf("it ends with %q", last)
	}
	for line := range strings.Lines(errs) {
		if !strings.HasPrefix(line, "prepare: ") && !strings.HasPrefix(line, "demo: ") {
			t.Errorf("on standard error: %s", line)
		}
	}
}

// TestDemoScriptFails: the demonstration says what the container said that failed.
func TestDemoScriptFails(t *testing.T) {
	t.Parallel()
	out, errs, err := demoScript(t, "SERVER_LOG_LAYOUT=none")
	if exitCode(err) != 1 || out != "" || !strings.Contains(errs, `server: SERVER_LOG_LAYOUT="none": must be one of`) {
		t.Errorf("%v\n%s\n%s", err, out, errs)
	}
}
