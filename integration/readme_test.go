package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readmeLines returns what the README's section has in its first blocks: lines for a
// compose file, and commands.
func readmeLines(t *testing.T) (yaml string, commands []string) {
	t.Helper()
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Beside what you run\n")
	m := regexp.MustCompile("(?s)```yaml\n(.*?)```.*?```\n(.*?)\n```").FindStringSubmatch(section)
	if m == nil {
		t.Fatal("the section has no such blocks")
	}
	return m[1], strings.Split(m[2], "\n")
}

// TestReadme: the README's lines, added to a stack that exists, and its commands bring a
// first message to its receipt and into what was collected.
func TestReadme(t *testing.T) {
	t.Parallel()
	yaml, commands := readmeLines(t)
	if n := strings.Count(yaml, "\n"); n > 5 || len(commands) != 3 {
		t.Fatalf("%d lines and %d commands", n, len(commands))
	}
	dir := t.TempDir()
	own := "services:\n  app:\n    image: debian:bookworm-slim\n    command: [sleep, infinity]\n"
	file := filepath.Join(dir, "compose.yaml")
	project, err := filepath.Abs("..")
	if err == nil {
		err = os.Symlink(project, filepath.Join(dir, "sealpost"))
	}
	if err == nil {
		err = os.WriteFile(file, []byte(own+yaml), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := stackOf(t, file)
	want := []string{"", "0 server_message0.txt ", "| Hello, Sealpost.\n"}
	for i, command := range commands {
		if out, err := shell(t, dir, s.project, command); err != nil || !strings.Contains(out, want[i]) {
			t.Fatalf("%s\n%v: %s", command, err, out)
		}
	}
}

// shell runs a command as a person does in dir, whose stack is that project.
func shell(t *testing.T, dir, project, command string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stepTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "COMPOSE_PROJECT_NAME="+project)
	out, err := cmd.Output()
	return string(out), err
}
