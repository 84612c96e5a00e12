package local

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/logfile"
)

const testID = "0123456789abcdef0123456789abcdef"

func testConfig(dir string) Config {
	return Config{Dir: dir, ID: testID, Log: zerolog.Nop()}
}

func open(t *testing.T, cfg Config) *Logbook {
	t.Helper()
	book, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		select {
		case <-book.closing:
		default:
			_ = book.Close()
		}
	})
	return book
}

func fixture(dir string) logbooktest.Fixture {
	return logbooktest.Fixture{
		Open: func(t *testing.T) logbook.Logbook { return open(t, testConfig(dir)) },
		File: func(t *testing.T, e logfile.Entry) (io.ReaderAt, int64) {
			f, err := os.Open(filepath.Join(dir, "logs", e.File))
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
		Manifest: func(t *testing.T) []byte { return read(t, filepath.Join(dir, "logs", logfile.ManifestName)) },
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestContract(t *testing.T) {
	logbooktest.Run(t, func(t *testing.T) logbooktest.Fixture { return fixture(t.TempDir()) })
}

// staging lists what is left in staging besides the logbook's own files.
func staging(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "staging"))
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		switch e.Name() {
		case "lock", idName, indexName, filepath.Base(recordsPath):
		default:
			left = append(left, e.Name())
		}
	}
	return left
}
