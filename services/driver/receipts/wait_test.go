package receipts_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealpost/services/driver/receipts"
	"sealpost/shared/ignore"
)

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestWaitReturnsAtOnceWhenAllIsSettled(t *testing.T) {
	for name, fill := range map[string]func(dir string){
		"empty":    func(string) {},
		"settled":  func(dir string) { put(t, dir, "sent/3f/report.txt", "x"); put(t, dir, "refused/40/b.txt", "x") },
		"internal": func(dir string) { put(t, dir, ".logbook", "x"); put(t, dir, ".sending/.tmp/x", "x") },
		"no files": func(dir string) { put(t, dir, "folder/x", "x") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fill(dir)
			if err := receipts.Wait(context.Background(), dir, nil, time.Hour); err != nil {
				t.Error(err)
			}
		})
	}
}

// The client leaves these alone, so they are not waited for.
func TestWaitIgnoresWhatIsNotSent(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.part", "half")
	if err := receipts.Wait(t.Context(), dir, ignore.Patterns{"*.part"}, time.Hour); err != nil {
		t.Error(err)
	}
}

func TestWaitGivesUpAndSaysWhatIsLeft(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "b\x1b[2J.txt", "x")
	put(t, dir, "a.txt", "x")
	put(t, dir, ".sending/3f/c.txt", "x")
	err := receipts.Wait(context.Background(), dir, nil, time.Millisecond)
	var unsent *receipts.UnsentError
	if !errors.As(err, &unsent) || len(unsent.Waiting) != 2 || unsent.Sending != 1 {
		t.Fatalf("%v", err)
	}
	if text := err.Error(); !strings.Contains(text, "a.txt") || strings.Contains(text, "\x1b") {
		t.Errorf("%q", text)
	}
}

func TestWaitSeesTheLastFileSettled(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.txt", "x")
	ended := make(chan error)
	go func() { ended <- receipts.Wait(context.Background(), dir, nil, time.Hour) }()
	put(t, dir, ".sending/3f/.record.json", "x")
	for _, step := range [][2]string{
		{"a.txt", ".sending/3f/a.txt"},
		{".sending/3f", "sent/3f"},
	} {
		select {
		case err := <-ended:
			t.Fatalf("ended before %s was moved: %v", step[0], err)
		default:
		}
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(step[1])), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, step[0]), filepath.Join(dir, step[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWaitEnds(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.txt", "x")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := receipts.Wait(ctx, dir, nil, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	err := receipts.Wait(context.Background(), filepath.Join(dir, "none"), nil, time.Hour)
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no outbox: %v", err)
	}
}
