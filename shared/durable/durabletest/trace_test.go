package durabletest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// traceEnv makes the test binary do what TestTrace traces, pathsEnv what
// TestEveryPathCallIsSeen does.
const (
	traceEnv = "DURABLETEST_DIR"
	pathsEnv = "DURABLETEST_PATHS"
)

func TestMain(m *testing.M) {
	for env, do := range map[string]func(dir string) error{traceEnv: work, pathsEnv: makeCalls} {
		if dir := os.Getenv(env); dir != "" {
			if err := do(dir); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// work does one of each, some of it from other threads.
func work(dir string) error {
	if err := os.Chdir(dir); err != nil {
		return err
	}
	done := make(chan error)
	go func() { done <- os.Mkdir("sub", 0o700) }()
	if err := <-done; err != nil {
		return err
	}
	f, err := os.Create("sub/a")
	if err != nil {
		return err
	}
	sub, err := os.Open(filepath.Join(dir, "sub"))
	if err != nil {
		return err
	}
	_, _ = os.ReadFile("missing")
	_ = os.Rename("missing", "sub/missing")
	for _, do := range []func() error{
		func() error { _, err := f.WriteString("first"); return err },
		func() error { _, err := f.WriteString(" second"); return err },
		func() error { _, err := f.WriteAt([]byte("F"), 0); return err },
		func() error { return f.Truncate(3) },
		f.Sync,
		func() error { return os.Rename("sub/a", "b") },
		sub.Sync,
		func() error { return os.Remove("b") },
		func() error { return os.Remove("sub") },
	} {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

func TestTrace(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), traceEnv+"="+dir)
	cmd.Stderr = os.Stderr
	ops, state := Trace(t, cmd, dir)
	if state.ExitStatus() != 0 {
		t.Fatalf("status %v", state)
	}
	want := []Op{
		{Kind: Mkdir, Name: "sub"}, {Kind: Create, Name: "sub/a"}, {Kind: Cut, Name: "sub/a"},
		{Kind: Write, Name: "sub/a", Data: []byte("first")}, {Kind: Write, Name: "sub/a", Off: 5, Data: []byte(" second")},
		{Kind: Write, Name: "sub/a", Data: []byte("F")}, {Kind: Cut, Name: "sub/a", Off: 3}, {Kind: Sync, Name: "sub/a"},
		{Kind: Rename, Name: "sub/a", To: "b"}, {Kind: SyncDir, Name: "sub"}, {Kind: Remove, Name: "b"},
		{Kind: Remove, Name: "sub"},
	}
	for i := range max(len(ops), len(want)) {
		got, wanted := "nothing", "nothing"
		if i < len(ops) {
			got = fmt.Sprintf("%+v", ops[i])
		}
		if i < len(want) {
			wanted = fmt.Sprintf("%+v", want[i])
		}
		if got != wanted {
			t.Errorf("operation %d: %s, want %s", i, got, wanted)
		}
	}
}
