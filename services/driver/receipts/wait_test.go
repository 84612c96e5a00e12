package receipts_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
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

func mkdir(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestWaitReturnsAtOnceWhenAllIsSettled(t *testing.T) {
	for name, fill := range map[string]func(dir string){
		"empty":    func(string) {},
		"settled":  func(dir string) { put(t, dir, "sent/3f/report.txt", "x"); put(t, dir, "refused/40/b.txt", "x") },
		"internal": func(dir string) { put(t, dir, ".logbook", "x"); put(t, dir, ".sending/.tmp/x", "x") },
		"emptied":  func(dir string) { put(t, dir, ".sending/3f/.records.jsonl", "x"); mkdir(t, dir, ".sending/3f/files") },
		"no files": func(dir string) { put(t, dir, "folder/x", "x") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fill(dir)
			if err := receipts.Wait(context.Background(), dir, receipts.Messages{}, time.Hour); err != nil {
				t.Error(err)
			}
		})
	}
}

// The client leaves these alone, so they are not waited for.
func TestWaitIgnoresWhatIsNotSent(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.part", "half")
	messages := receipts.Messages{Ignored: ignore.Patterns{"*.part"}}
	if err := receipts.Wait(t.Context(), dir, messages, time.Hour); err != nil {
		t.Error(err)
	}
}

func TestWaitGivesUpAndSaysWhatIsLeft(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "b\x1b[2J.txt", "x")
	put(t, dir, "a.txt", "x")
	put(t, dir, ".sending/3f/files/c.txt", "x")
	put(t, dir, ".sending/3f/below/folder/sent/d.txt", "x")
	err := receipts.Wait(context.Background(), dir, receipts.Messages{}, time.Millisecond)
	var unsent *receipts.UnsentError
	if !errors.As(err, &unsent) || len(unsent.Waiting) != 2 || unsent.Sending != 2 {
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
	go func() { ended <- receipts.Wait(context.Background(), dir, receipts.Messages{}, time.Hour) }()
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
	if err := receipts.Wait(ctx, dir, receipts.Messages{}, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	err := receipts.Wait(context.Background(), filepath.Join(dir, "none"), receipts.Messages{}, time.Hour)
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no outbox: %v", err)
	}
}

// Only where the client sends what lies in directories is that waited for.
func TestWaitLooksIntoDirectories(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"a/b/message", "a/b.part/message", "a/.hidden/message", "a/sent/message", "sent/day/message",
	} {
		put(t, dir, name, "x")
	}
	elsewhere := t.TempDir()
	put(t, elsewhere, "message", "x")
	if err := os.Symlink(elsewhere, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	messages := receipts.Messages{Ignored: ignore.Patterns{"*.part"}}
	if err := receipts.Wait(t.Context(), dir, messages, time.Hour); err != nil {
		t.Error(err)
	}
	messages.Recursive = true
	err := receipts.Wait(t.Context(), dir, messages, time.Millisecond)
	var unsent *receipts.UnsentError
	if !errors.As(err, &unsent) || !slices.Equal(unsent.Waiting, []string{"a/b/message", "a/sent/message"}) {
		t.Errorf("%v", err)
	}
}
