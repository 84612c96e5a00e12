package replicated

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/services/server/logbook/replicated/entry"
)

const testID = "0123456789abcdef0123456789abcdef"

var (
	testNotary = logbooktest.NewNotary()
	testSecret = []byte("secret of a cluster in a test")
	testKey    = entry.NewKey(testSecret, testID)
)

func testConfig(dir, server string, log Log) Config {
	return Config{
		Local: local.Config{Dir: dir, ID: testID, Notary: testNotary, Log: zerolog.Nop(), RotateAfter: 8 << 10,
			RetryEvery: time.Millisecond},
		Log: log, Secret: testSecret, Server: server,
		PublishAgain: 8 * time.Millisecond, SaveEvery: 5 * time.Millisecond, RetryEvery: 5 * time.Millisecond,
	}
}

// settings are in every log of these tests from the start.
func settings() entry.Settings {
	zone := time.FixedZone("", 0)
	return entry.Settings{Zone: "UTC", ZoneRules: entry.RulesOf(zone), CiphertextMax: 1 << 20}
}

// begun is a log that says how log files are written, and which servers count.
func begun(t *testing.T, servers ...string) *handLog {
	t.Helper()
	log, rules := newHandLog(), settings()
	log.put(t, testKey, entry.Header{Kind: entry.KindSettings, Settings: &rules}, nil)
	log.put(t, testKey, entry.Header{Kind: entry.KindServers, Seen: entry.Seen{Position: 1},
		Servers: &entry.Servers{Add: servers}}, nil)
	return log
}

func open(t testing.TB, cfg Config) *Logbook {
	t.Helper()
	book, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	return book
}

// ready waits until a logbook keeps messages.
func ready(t testing.TB, book *Logbook) *Logbook {
	t.Helper()
	soon(t, "the logbook is ready", func() bool { return book.Ready() == nil })
	return book
}

func soon(t testing.TB, what string, came func() bool) {
	t.Helper()
	if !logbooktest.Soon(t, what, came) {
		t.FailNow()
	}
}

func fixture(dir string, log Log) logbooktest.Fixture {
	return logbooktest.OnVolume(dir, func(t *testing.T) logbook.Logbook {
		return ready(t, open(t, testConfig(dir, "a", log)))
	})
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "logs", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// logFiles are those of a volume, and its manifest.
func logFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(filepath.Join(dir, "logs"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "checkpoint" {
			return err
		}
		name, err := filepath.Rel(filepath.Join(dir, "logs"), path)
		if err == nil {
			files[name] = string(read(t, dir, name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// equal expects two volumes to hold the same, once both have read all there is.
func equal(t *testing.T, dir, other string) {
	t.Helper()
	have, want := logFiles(t, other), logFiles(t, dir)
	if len(have) != len(want) {
		t.Errorf("%d files, and %d on the other volume", len(have), len(want))
	}
	for name, text := range want {
		if have[name] != text {
			t.Errorf("%s differs", name)
		}
	}
}

func TestContract(t *testing.T) {
	logbooktest.Run(t, func(t *testing.T) logbooktest.Fixture { return fixture(t.TempDir(), begun(t)) })
}

// Servers that read the same log come to the same volume, also one that joins late, and
// one that was killed at any time and reads a part of it again.
func TestVolumesAreEqual(t *testing.T) {
	log, dirs := begun(t, "a", "b"), []string{t.TempDir(), t.TempDir(), t.TempDir()}
	books := []*Logbook{ready(t, open(t, testConfig(dirs[0], "a", log))), ready(t, open(t, testConfig(dirs[1], "b", log)))}
	for i := range 40 {
		content := bytes.Repeat([]byte{byte(i)}, i*i*60)
		d := logbooktest.Draft(fmt.Sprint("sender-", i%3), content)
		for _, book := range books { // the second brings a repeat
			if _, err := logbooktest.Append(t.Context(), book, d, content); err != nil {
				t.Fatal(err)
			}
		}
	}
	late := open(t, testConfig(dirs[2], "c", log))
	for _, book := range append(books, late) {
		soon(t, "all is kept", func() bool { return book.Len() == 40 })
	}
	equal(t, dirs[0], dirs[1])
	equal(t, dirs[0], dirs[2])
}
