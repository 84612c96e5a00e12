package bounded_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"sealpost/shared/bounded"
)

func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := bounded.ReadFile(path, 5); err != nil || string(text) != "12345" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := bounded.ReadFile(path, 4); !errors.Is(err, bounded.ErrTooLong) {
		t.Errorf("%v", err)
	}
	if _, err := bounded.ReadFile("/dev/zero", 1<<10); !errors.Is(err, bounded.ErrTooLong) {
		t.Errorf("/dev/zero: %v", err)
	}
}

// A pipe that nobody writes is empty, and one that somebody writes is read to
// its end.
func TestReadPipe(t *testing.T) {
	path := fifo(t)
	if text, err := bounded.ReadFile(path, 5); err != nil || len(text) != 0 {
		t.Errorf("%q, %v", text, err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString("12345"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// As a shell hands on <(command).
	if text, err := bounded.ReadFile(fmt.Sprintf("/dev/fd/%d", r.Fd()), 5); err != nil || string(text) != "12345" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestOpenRegular(t *testing.T) {
	for _, path := range []string{fifo(t), "/dev/zero", t.TempDir()} {
		if f, err := bounded.OpenRegular(path); !errors.Is(err, bounded.ErrNotRegular) {
			t.Errorf("%s: %v, %v", path, f, err)
		}
	}
}
