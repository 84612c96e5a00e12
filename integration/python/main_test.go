// Package python runs the second implementation of the project's protocol, the
// programs in docs/examples/python: against a real server process, over what a
// server left behind, and over every test vector in the repository.
//
// It needs Python 3.11 or later with the package "cryptography" (Debian:
// python3-cryptography; scripts/test installs it where it may). Without, the
// tests are skipped with that reason, and fail where CI is set.
package python

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	// The server is built apart. Its code is named here so that a verdict which
	// go test has cached does not stand for a program that has changed.
	_ "sealpost/services/server/cli"
)

const scripts = "../../docs/examples/python"

// serverProgram is the server under test.
var serverProgram string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sealpost-python-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "python:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	serverProgram = filepath.Join(dir, "server")
	build := exec.Command("go", "build", "-o", serverProgram, "sealpost/services/server")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "python: go build: %v\n%s", err, out)
		return 1
	}
	if err := touchSources(); err != nil {
		fmt.Fprintln(os.Stderr, "python:", err)
		return 1
	}
	return m.Run()
}

// touchSources reads the programs, so that go test knows of them and does not
// show a cached verdict about earlier ones.
func touchSources() error {
	for _, pattern := range []string{"/*.py", "/sealpost/*.py"} {
		files, err := filepath.Glob(scripts + pattern)
		if err != nil || len(files) == 0 {
			return fmt.Errorf("no programs in %s (%v)", scripts, err)
		}
		for _, file := range files {
			if _, err := os.ReadFile(file); err != nil {
				return err
			}
		}
	}
	return nil
}

// interpreter finds a Python that can run the programs: the first one in PATH,
// else the system's own, whose packages another one does not see.
var interpreter = sync.OnceValues(func() (string, error) {
	const need = "import sys, cryptography; sys.exit(sys.version_info < (3, 11))"
	var complaints []error
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		out, err := exec.Command(name, "-c", need).CombinedOutput()
		if err == nil {
			return name, nil
		}
		complaints = append(complaints, fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(out)))
	}
	return "", errors.Join(complaints...)
})

// pythonOf returns the interpreter, or ends the test.
func pythonOf(t *testing.T) string {
	t.Helper()
	name, err := interpreter()
	switch {
	case err != nil && os.Getenv("CI") != "":
		t.Fatalf("CI needs Python 3.11 and python3-cryptography:\n%v", err)
	case err != nil:
		t.Skipf("needs Python 3.11 and python3-cryptography:\n%v", err)
	}
	return name
}

// python runs one of the programs, with these variables and PATH alone in its
// environment, and returns what it printed and its exit status.
func python(t *testing.T, env map[string]string, program string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(t.Context(), pythonOf(t), append([]string{"-X", "utf8", "-X",
		"pycache_prefix=" + filepath.Dir(serverProgram), "-s", filepath.Join(scripts, program)}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &complaints
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return out.String(), complaints.String(), cmd.ProcessState.ExitCode()
}

func writeFile(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
