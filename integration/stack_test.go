package integration

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealpost/shared/logfile"
)

const (
	composeFile = "../compose.yaml"
	stepTimeout = 5 * time.Minute // of one docker command; the slowest is a whole run
)

// stack is one compose project of its own, with volumes of its own.
type stack struct {
	t       *testing.T
	project string
	files   []string
	env     []string // for what the compose files leave open: NAME=VALUE
}

// newStack makes a project that is removed with its volumes when t ends.
// Further compose files change it.
func newStack(t *testing.T, files ...string) *stack {
	return stackOf(t, append([]string{composeFile}, files...)...)
}

// stackOf is newStack for other compose files than the demonstration's.
func stackOf(t *testing.T, files ...string) *stack {
	needDocker(t)
	s := &stack{t: t, project: "sealpost-test-" + strings.ToLower(rand.Text()[:10]), files: files}
	t.Cleanup(func() {
		if t.Failed() {
			logs, _ := s.try("logs", "--no-color", "--tail", "60")
			t.Logf("containers' logs:\n%s", logs)
		}
		if out, err := s.try("down", "--volumes", "--remove-orphans", "--timeout", "2"); err != nil {
			t.Errorf("down: %v\n%s", err, out)
		}
	})
	return s
}

// try runs one compose command and returns what it printed.
func (s *stack) try(args ...string) (string, error) {
	return s.compose((*exec.Cmd).CombinedOutput, args...)
}

// stdout runs one compose command and returns what it printed for another program.
func (s *stack) stdout(args ...string) string {
	s.t.Helper()
	out, err := s.compose((*exec.Cmd).Output, args...)
	if err != nil {
		s.t.Fatalf("docker compose %s: %v", strings.Join(args, " "), err)
	}
	return out
}

func (s *stack) compose(run func(*exec.Cmd) ([]byte, error), args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	compose := []string{"compose", "--progress", "quiet", "-p", s.project}
	for _, file := range s.files {
		compose = append(compose, "-f", file)
	}
	cmd := exec.CommandContext(ctx, "docker", append(compose, args...)...)
	cmd.Env = append(os.Environ(), s.env...)
	out, err := run(cmd)
	return string(out), err
}

func (s *stack) run(args ...string) string {
	s.t.Helper()
	out, err := s.try(args...)
	if err != nil {
		s.t.Fatalf("docker compose %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// upToTheEnd runs the stack as a user does and returns what the driver printed
// and its exit status.
func (s *stack) upToTheEnd(args ...string) (string, int) {
	s.t.Helper()
	out, err := s.try(append([]string{"up", "--no-build", "--exit-code-from", "driver", "--attach", "driver",
		"--no-log-prefix"}, args...)...)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out, 0
	case errors.As(err, &exit):
		return out, exit.ExitCode()
	}
	s.t.Fatalf("docker compose up: %v\n%s", err, out)
	return "", 0
}

// collected copies the driver's output directory out of its container and reads
// it: the manifest's entries, and each message's bytes out of its log file.
func (s *stack) collected() (entries []logfile.Entry, contents [][]byte) {
	s.t.Helper()
	dir := s.t.TempDir()
	s.run("cp", "driver:/ftpreceived/.", dir)
	return readCollected(s.t, dir)
}

func readCollected(t *testing.T, dir string) (entries []logfile.Entry, contents [][]byte) {
	t.Helper()
	manifest, err := os.ReadFile(filepath.Join(dir, logfile.ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(manifest) {
		e, err := logfile.ParseLine(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			t.Fatal(err)
		}
		if e.Seq != uint64(len(entries)) {
			t.Fatalf("line %d is of message %d", len(entries), e.Seq)
		}
		entries = append(entries, e)
		contents = append(contents, plainOf(t, filepath.Join(dir, e.File)))
	}
	return entries, contents
}

// plainOf reads the message out of a log file.
func plainOf(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := logfile.Parse(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(parsed.Plain())
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// expectEach checks that every wanted message, by name and content, was
// collected exactly times, and that nothing else was.
func expectEach(t *testing.T, entries []logfile.Entry, contents [][]byte, want map[string][]byte, times int) {
	t.Helper()
	count := make(map[string]int)
	for i, e := range entries {
		body, known := want[e.Name]
		if !known {
			t.Errorf("message %d has a name that nobody sent: %q", e.Seq, e.Name)
			continue
		}
		if !bytes.Equal(contents[i], body) {
			t.Errorf("%s (message %d): came back changed", e.Name, e.Seq)
		}
		count[e.Name]++
	}
	for name := range want {
		if count[name] != times {
			t.Errorf("%s was kept %d times instead of %d", name, count[name], times)
		}
	}
}

// docker runs one docker command.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := tryDocker(args...)
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func tryDocker(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "docker", args...).CombinedOutput()
	return string(out), err
}

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

// list is a numbered set of small messages.
func list(n int) map[string][]byte {
	want := make(map[string][]byte, n)
	for i := range n {
		want[fmt.Sprintf("message-%03d.txt", i)] = fmt.Appendf(nil, "This is message %d of %d.\n", i, n)
	}
	return want
}
