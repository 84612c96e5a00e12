package receipts_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sealpost/services/driver/receipts"
	"sealpost/shared/crypto/receipt"
)

// TestPlantedInTheOutbox: who may write into a sender's outbox leads the driver to
// a directory or a file that they may not read, or to something without an end.
// Nothing of it is told, and nothing is waited for.
func TestPlantedInTheOutbox(t *testing.T) {
	const secret = "secret words"
	for name, plant := range map[string]func(dir, private string) error{
		"directory of refused": func(dir, private string) error {
			return os.Symlink(private, filepath.Join(dir, "refused", "x"))
		},
		"directory of sent": func(dir, private string) error {
			return os.Symlink(private, filepath.Join(dir, "sent", "x"))
		},
		"refused": func(dir, private string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "refused")),
				os.Symlink(filepath.Dir(private), filepath.Join(dir, "refused")))
		},
		"sent": func(dir, private string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "sent")),
				os.Symlink(filepath.Dir(private), filepath.Join(dir, "sent")))
		},
		"pipe": func(dir, _ string) error {
			return syscall.Mkfifo(filepath.Join(dir, "refused", "y.reason"), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.Put("refused/40/b.txt", "x")
			private := filepath.Join(t.TempDir(), "private")
			for _, file := range []string{secret, "a.reason", "b", "b" + receipt.FileSuffix} {
				put(t, private, file, secret)
			}
			if err := plant(f.Dir, private); err != nil {
				t.Fatal(err)
			}
			said := make(chan string)
			go func() { said <- errors.Join(receipts.Load(f.Dir, f.volume.Pins()).Failures()...).Error() }()
			select {
			case text := <-said:
				if strings.Contains(text, secret) {
					t.Errorf("it tells: %s", text)
				}
				if strings.HasPrefix(name, "directory") && !strings.Contains(text, "/x: ") {
					t.Errorf("it does not tell of the link: %s", text)
				}
			case <-time.After(time.Minute):
				t.Fatal("it waits")
			}
		})
	}
}

// TestPlantedWaiting: a link in the place of .sending is not the client's word.
func TestPlantedWaiting(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(t.TempDir(), filepath.Join(dir, ".sending")); err != nil {
		t.Fatal(err)
	}
	var unsent *receipts.UnsentError
	if err := receipts.Wait(t.Context(), dir, receipts.Messages{}, time.Hour); err == nil || errors.As(err, &unsent) {
		t.Errorf("error %v", err)
	}
}
