package replicated

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/logfile"
)

// A line that was altered where no start reads it again: the server is red and says nothing
// of any message.
func TestAlteredLine(t *testing.T) {
	log, dir := begun(t, "a"), t.TempDir()
	cfg := testConfig(dir, "a", log)
	cfg.Local.RotateAfter = 1 // or the records put the line back
	book := ready(t, open(t, cfg))
	var other logbook.Draft
	for i := range 20 {
		d := logbooktest.Draft("aaa", fmt.Append(nil, i))
		if _, err := logbooktest.Append(t.Context(), book, d, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
		other = d
	}
	for range 2 { // the second start finds all lines in index and tree
		if err := book.Close(); err != nil {
			t.Fatal(err)
		}
		book = ready(t, open(t, cfg))
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	text := bytes.Replace(read(t, dir, logfile.ManifestName), []byte(`"sender":"a`), []byte(`"sender":"x`), 1)
	if err := os.WriteFile(filepath.Join(dir, "logs", logfile.ManifestName), text, 0o600); err != nil {
		t.Fatal(err)
	}
	book = open(t, cfg)
	var altered *AlteredError
	soon(t, "the server says so", func() bool { return errors.As(book.Ready(), &altered) })
	if altered.Lines != 20 {
		t.Errorf("%+v", altered)
	}
	if _, _, err := book.Lookup(t.Context(), other.Sender, other.ID); !errors.Is(err, logbook.ErrUnavailable) {
		t.Errorf("another message is looked up: %v", err)
	}
}
