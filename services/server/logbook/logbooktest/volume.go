package logbooktest

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"sealpost/services/server/logbook"
	"sealpost/shared/logfile"
)

// OnVolume is the volume dir, whose logbook open opens.
func OnVolume(dir string, open func(t *testing.T) logbook.Logbook) Fixture {
	logs := filepath.Join(dir, "logs")
	return Fixture{
		Open: open,
		File: func(t *testing.T, e logfile.Entry) (io.ReaderAt, int64) {
			f, err := os.Open(filepath.Join(logs, e.File))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.Close() })
			info, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode() != 0o644 {
				t.Errorf("%s has mode %v", e.File, info.Mode())
			}
			return f, info.Size()
		},
		Manifest: func(t *testing.T) []byte {
			text, err := os.ReadFile(filepath.Join(logs, logfile.ManifestName))
			if err != nil {
				t.Fatal(err)
			}
			return text
		},
	}
}
