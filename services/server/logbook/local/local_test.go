package local

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/index"
	"sealpost/services/server/logbook/engine/merkle"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/crypto/receipt"
)

var testNotary = logbooktest.NewNotary()

// testVerifier checks the signature of many receipts with one checkpoint once.
var testVerifier = receipt.NewVerifier(testNotary.Pins())

const testID = "0123456789abcdef0123456789abcdef"

func testConfig(dir string) Config {
	return Config{Dir: dir, ID: testID, Notary: testNotary, Log: zerolog.Nop()}
}

// compact keeps the zeros few that are written ahead: the race detector looks at
// each byte of them, and some tests open thousands of logbooks.
func compact(cfg Config) Config {
	cfg.RotateAfter = 8 << 10
	return cfg
}

func open(t *testing.T, cfg Config) *Logbook {
	t.Helper()
	book, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	return book
}

func fixture(dir string) logbooktest.Fixture {
	return logbooktest.OnVolume(dir, func(t *testing.T) logbook.Logbook { return open(t, keeping(dir)) })
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
		case "lock", fit.IDName, filepath.Base(index.Path), filepath.Base(wal.Path), filepath.Base(merkle.Path):
		default:
			left = append(left, e.Name())
		}
	}
	return left
}

// handOver gives a message to the committer, and returns what waits for its
// outcome, as long as a test does.
func handOver(ctx context.Context, s logbook.Staged) func() (logbook.Facts, error) {
	type outcome struct {
		facts logbook.Facts
		err   error
	}
	came, deadline := make(chan outcome, 1), time.After(patience)
	s.Commit(ctx, func(f logbook.Facts, err error) { came <- outcome{f, err} })
	return func() (logbook.Facts, error) {
		select {
		case o := <-came:
			return o.facts, o.err
		case <-ctx.Done():
			return logbook.Facts{}, logbook.ErrUnknown
		case <-deadline:
			return logbook.Facts{}, logbooktest.ErrUnanswered
		}
	}
}

func stage(t *testing.T, book *Logbook, d logbook.Draft, content []byte) logbook.Staged {
	t.Helper()
	s, err := logbooktest.Stage(t.Context(), book, d, content)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const patience = logbooktest.Patience
