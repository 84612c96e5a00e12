package box

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/shared/message"
)

// FuzzLogbook: a file that names the outbox's logbook is read in its one
// spelling, or refused.
func FuzzLogbook(f *testing.F) {
	for _, seed := range []string{"", "\n", "0123456789abcdef0123456789abcdef\n", "0123456789abcdef0123456789abcdef",
		"0123456789ABCDEF0123456789abcdef\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, logbookName), text, FileMode); err != nil {
			t.Fatal(err)
		}
		b, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		id, err := b.Logbook()
		if err != nil {
			if !errors.Is(err, ErrLogbookID) || id != "" {
				t.Fatalf("%q is refused with %v, and read as %q", text, err, id)
			}
			return
		}
		if id != strings.TrimSuffix(string(text), "\n") || len(id) != 2*message.IDSize {
			t.Fatalf("%q is read as %q", text, id)
		}
	})
}
