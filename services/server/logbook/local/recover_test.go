package local

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/merkle"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/logfile"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// filled is a closed logbook with three messages.
func filled(t *testing.T) (dir string) {
	dir = t.TempDir()
	book := open(t, testConfig(dir))
	for _, content := range []string{"first", "second", "third"} {
		d := logbooktest.Draft("a", []byte(content))
		if _, err := logbooktest.Append(t.Context(), book, d, []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSecondServerIsKeptOut(t *testing.T) {
	dir := t.TempDir()
	first := open(t, testConfig(dir))
	if _, err := Open(testConfig(dir)); !errors.Is(err, durable.ErrLocked) {
		t.Fatalf("two servers on one volume: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, testConfig(dir))
}

// accepted gives the volume the id of cfg.
func accepted(t *testing.T, cfg Config) (messages uint64, err error) {
	t.Helper()
	lock, err := Lock(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	messages, _, err = Accept(cfg.Dir, cfg.ID, cfg.Notary, lock)
	return messages, err
}

func TestRemovedFilesKeepTheirNumbers(t *testing.T) {
	dir := filled(t)
	for seq := range uint64(3) {
		remove(t, filepath.Join(dir, "logs", logfile.FileName(seq)))
	}
	book := open(t, testConfig(dir))
	facts, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
	if err != nil || facts.Entry.Seq != 3 {
		t.Errorf("number %d, %v", facts.Entry.Seq, err)
	}
}

func TestTornManifestLine(t *testing.T) {
	dir := filled(t)
	path := filepath.Join(dir, "logs", logfile.ManifestName)
	whole := string(read(t, path))
	write(t, path, whole+`{"v":1,"seq":3,"fi`)
	open(t, testConfig(dir))
	if got := string(read(t, path)); got != whole {
		t.Errorf("manifest after recovery:\n%s", got)
	}
}

// withoutID is an empty logbook that lost its id.
func withoutID(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	closeBook(t, open(t, testConfig(dir)))
	remove(t, filepath.Join(dir, fit.IDPath))
	return dir
}

func signedFor(t *testing.T, id string, size uint64) []byte {
	t.Helper()
	empty := new(receipt.Hasher).Root()
	text, err := testNotary.SignCheckpoint(receipt.Checkpoint{Origin: receipt.Origin(id), Size: size, Root: empty})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func opened(cfg Config) error {
	book, err := Open(cfg)
	if err == nil {
		err = book.Close()
	}
	return err
}

func TestMisfits(t *testing.T) {
	var misfit *MisfitError
	t.Run("other id", func(t *testing.T) {
		cfg := testConfig(filled(t))
		cfg.ID = strings.Repeat("f", 32)
		if _, err := Open(cfg); !errors.As(err, &misfit) {
			t.Errorf("got %v", err)
		}
	})
	// A first start that was cut short leaves no id; the state volume may know
	// that its logbook is empty, of a version that did not flush the id first.
	for name, known := range map[string][]byte{"nothing known": nil, "known empty": signedFor(t, testID, 0)} {
		t.Run("first start cut short, "+name, func(t *testing.T) {
			cfg := testConfig(withoutID(t))
			cfg.Known = known
			open(t, cfg)
			if id, err := fit.ReadID(cfg.Dir); id != testID || err != nil {
				t.Errorf("id %q, %v", id, err)
			}
		})
	}
	for name, known := range map[string][]byte{
		"messages known": signedFor(t, testID, 1), "another logbook known": signedFor(t, strings.Repeat("f", 32), 0),
	} {
		t.Run("empty without an id, "+name, func(t *testing.T) {
			cfg := testConfig(withoutID(t))
			cfg.Known = known
			for _, err := range []error{Judge(cfg), opened(cfg)} {
				if !errors.As(err, &misfit) {
					t.Errorf("got %v", err)
				}
			}
		})
	}
	t.Run("the id lost", func(t *testing.T) {
		cfg := testConfig(filled(t))
		remove(t, filepath.Join(cfg.Dir, fit.IDPath))
		for _, err := range []error{Judge(cfg), opened(cfg)} {
			if !errors.As(err, &misfit) {
				t.Errorf("got %v", err)
			}
		}
	})
	t.Run("accepted", func(t *testing.T) {
		cfg := testConfig(filled(t))
		cfg.ID = strings.Repeat("f", 32)
		n, err := accepted(t, cfg)
		if n != 3 || err != nil {
			t.Fatalf("accept: %d, %v", n, err)
		}
		if book := open(t, cfg); book.Len() != 3 {
			t.Errorf("%d messages", book.Len())
		}
	})
	t.Run("staging lost, accepted", func(t *testing.T) {
		cfg := testConfig(filled(t))
		if err := os.RemoveAll(filepath.Join(cfg.Dir, "staging")); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(cfg); !errors.As(err, &misfit) {
			t.Errorf("got %v", err)
		}
		if n, err := accepted(t, cfg); n != 3 || err != nil {
			t.Fatalf("accept: %d, %v", n, err)
		}
		open(t, cfg)
	})
}

// A logbook that was opened has its id for good: the state volume may remember
// what it signs from then on.
func TestIDIsDurable(t *testing.T) {
	tr := &trace{}
	cfg := powerCut{together: true}.tracing(t.TempDir(), tr)
	tr.steps = []disk.Step{{Op: disk.OpMkdir, Name: disk.LogsDir}, {Op: disk.OpMkdir, Name: disk.StagingDir}}
	book := open(t, cfg)
	tr.mu.Lock()
	n := len(tr.steps)
	tr.mu.Unlock()
	closeBook(t, book)
	drive, _, _ := tr.at(map[string][]byte{}, n)
	if id := string(drive.After(durabletest.Nothing)[fit.IDPath]); id != testID+"\n" {
		t.Errorf("the id is %q", id)
	}
}

// What no crash can cause is reported, and nothing is changed.
func TestCorruption(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir string){
		"last manifest line altered": func(t *testing.T, dir string) {
			path := filepath.Join(dir, "logs", logfile.ManifestName)
			write(t, path, strings.Replace(string(read(t, path)), `"seq":2`, `"seq":7`, 1))
		},
		"manifest cut": func(t *testing.T, dir string) {
			path := filepath.Join(dir, "logs", logfile.ManifestName)
			text := string(read(t, path))
			write(t, path, text[:strings.Index(text, "\n")+1])
		},
		"manifest longer than its records": func(t *testing.T, dir string) {
			path := filepath.Join(dir, "logs", logfile.ManifestName)
			text := string(read(t, path))
			last := text[strings.LastIndex(text[:len(text)-1], "\n")+1:]
			last = strings.ReplaceAll(last, `"seq":2`, `"seq":3`)
			write(t, path, text+strings.ReplaceAll(last, "message2", "message3"))
		},
		"records missing": func(t *testing.T, dir string) { remove(t, filepath.Join(dir, wal.Path)) },
		"records garbled": func(t *testing.T, dir string) { write(t, filepath.Join(dir, wal.Path), "garbage\n") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filled(t)
			damage(t, dir)
			before := string(read(t, filepath.Join(dir, "logs", logfile.ManifestName)))
			_, err := Open(testConfig(dir))
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) {
				t.Errorf("got %v", err)
			}
			if after := string(read(t, filepath.Join(dir, "logs", logfile.ManifestName))); after != before {
				t.Error("the manifest was changed")
			}
		})
	}
}

func TestVerify(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"missing":   remove,
		"truncated": func(t *testing.T, path string) { write(t, path, string(read(t, path)[1:])) },
		"a pipe that nobody writes": func(t *testing.T, path string) {
			remove(t, path)
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"a device without an end": func(t *testing.T, path string) {
			remove(t, path)
			if err := os.Symlink("/dev/zero", path); err != nil {
				t.Fatal(err)
			}
		},
		"one bit flipped": func(t *testing.T, path string) {
			text := read(t, path)
			text[len(text)/2] ^= 1
			write(t, path, string(text))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filled(t)
			damage(t, filepath.Join(dir, "logs", logfile.FileName(1)))
			var found []Difference
			n, err := Verify(testConfig(dir), func(d Difference) { found = append(found, d) })
			if n.Checked != 3 || err != nil || len(found) != 1 || found[0].Seq != 1 {
				t.Errorf("checked %d, %v, found %v", n, err, found)
			}
		})
	}
}

// A manifest that was changed behind the server's back is told by its lines.
func TestVerifyManifest(t *testing.T) {
	for name, test := range map[string]struct {
		damage  func(t *testing.T, path string)
		verdict string
		found   []string
	}{
		"a line altered": {func(t *testing.T, path string) {
			write(t, path, strings.Replace(string(read(t, path)), "report.txt", "repost.txt", 1))
		}, "the checkpoint of the log volume was signed for another manifest: they part at line 0",
			[]string{"manifest.jsonl: line 0 is not the one that was signed"}},
		"the last line cut off": {func(t *testing.T, path string) {
			text := string(read(t, path))
			write(t, path, text[:strings.LastIndex(text[:len(text)-1], "\n")+1])
		}, "manifest.jsonl: it has 2 lines, 3 were flushed", nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filled(t)
			test.damage(t, filepath.Join(dir, manifest.Path))
			var found []string
			_, err := Verify(testConfig(dir), func(d Difference) { found = append(found, d.String()) })
			if err == nil || err.Error() != test.verdict {
				t.Errorf("verdict %v", err)
			}
			remove(t, filepath.Join(dir, merkle.Path)) // a start believes its hashes
			if _, err := Open(testConfig(dir)); err == nil {
				t.Error("and was opened")
			}
			if !slices.Equal(found, test.found) {
				t.Errorf("found %q", found)
			}
		})
	}
}

// killable has a logbook whose records cannot be rotated any more, once that is
// set: it leaves them as a kill would.
func killable(cfg *Config) *atomic.Bool {
	killed := new(atomic.Bool)
	cfg.seams.Fault = func(s disk.Step) error {
		if killed.Load() && s.Op == disk.OpCreate && s.Name == wal.Path+disk.NewSuffix {
			return errInjected
		}
		return nil
	}
	return killed
}

// A recorded message whose log file is neither staged nor in its place is told by
// number, and stays known. A start that fails is tried again each second: it is
// told once for all.
func TestRecordedFileIsGone(t *testing.T) {
	cfg := testConfig(t.TempDir())
	killed := killable(&cfg)
	var log bytes.Buffer
	var missing []uint64
	cfg.Missing = func(number uint64) { missing = append(missing, number) }
	book := open(t, cfg)
	kept := many(t, book, 3)
	killed.Store(true)
	closeBook(t, book)
	remove(t, filepath.Join(cfg.Dir, disk.LogsDir, logfile.FileName(1)))
	cfg.Log = zerolog.New(&log)
	for range 2 {
		if _, err := Open(cfg); !errors.Is(err, errInjected) {
			t.Fatalf("a start whose records cannot be rotated: %v", err)
		}
	}
	killed.Store(false)
	book = open(t, cfg)
	if !slices.Equal(missing, []uint64{1}) {
		t.Errorf("missing: %d", missing)
	}
	if line := `"level":"error","number":1,"file":"server_message1.txt"`; strings.Count(log.String(), line) != 1 {
		t.Errorf("the log does not have this once: %s\n%s", line, &log)
	}
	wantAll(t, book, kept)
}

// A power cut can leave zeros where lines were written and not flushed. The
// records have those lines; before them every line must be sound.
func TestZerosInTheManifest(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig(dir)
	killed := killable(&cfg)
	book := open(t, cfg)
	var want []byte
	for range 3 {
		facts, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		want = append(append(want, facts.Line...), '\n')
	}
	// As a kill would: no last rotation, and the lock is gone.
	killed.Store(true)
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "logs", logfile.ManifestName)
	write(t, path, string(append(bytes.Clone(want[:5]), make([]byte, 10_000)...)))
	again := open(t, testConfig(dir))
	if got := read(t, path); !bytes.Equal(got, want) {
		t.Errorf("manifest after recovery:\n%s", got)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path, string(make([]byte, 10_000)))
	if _, err := Open(testConfig(dir)); err == nil {
		t.Error("flushed lines that turned to zeros were not noticed")
	}
}

// crashed is a logbook with three messages that a crash left with their records, but with
// the manifest line of the first alone, and with the log file of the second in staging.
func crashed(t *testing.T) (cfg Config, staged, final string) {
	t.Helper()
	cfg = testConfig(t.TempDir())
	killed := killable(&cfg)
	book := open(t, cfg)
	many(t, book, 3)
	killed.Store(true)
	closeBook(t, book)
	_, recs, _, err := wal.Read(disk.New(cfg.Dir))
	check(t, err)
	staged = filepath.Join(cfg.Dir, recs[1].Staged)
	final = filepath.Join(cfg.Dir, disk.LogsDir, logfile.FileName(1))
	check(t, os.Rename(final, staged))
	path := filepath.Join(cfg.Dir, manifest.Path)
	text := read(t, path)
	write(t, path, string(text[:bytes.IndexByte(text, '\n')+1]))
	return testConfig(cfg.Dir), staged, final
}

// Verify judges messages that have a record alone as the start does that goes on with
// them, and leaves all where it is.
func TestVerifyRecorded(t *testing.T) {
	for name, test := range map[string]struct {
		damage func(t *testing.T, staged, final string)
		found  string // of the second message; "": nothing
		opens  bool
	}{
		"as the crash left them": {func(*testing.T, string, string) {}, "", true},
		"under both names":       {func(t *testing.T, staged, final string) { check(t, os.Link(staged, final)) }, "", true},
		"gone":                   {func(t *testing.T, staged, _ string) { remove(t, staged) }, Missing, true},
		"cut in staging": {func(t *testing.T, staged, _ string) { check(t, os.Truncate(staged, 1)) },
			"1 bytes instead of ", true},
		"another file in its place": {func(t *testing.T, _, final string) { write(t, final, "foreign") },
			"a foreign file is in the place of server_message1.txt", false},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, staged, final := crashed(t)
			test.damage(t, staged, final)
			var found []Difference
			n, err := Verify(cfg, func(d Difference) { found = append(found, d) })
			if n.Checked != 3 || err != nil {
				t.Errorf("checked %d, %v", n.Checked, err)
			}
			if test.found == "" && len(found) > 0 ||
				test.found != "" && (len(found) != 1 || found[0].Seq != 1 || !strings.HasPrefix(found[0].Reason, test.found)) {
				t.Errorf("found %v", found)
			}
			if err := opened(cfg); (err == nil) != test.opens {
				t.Errorf("a start: %v", err)
			}
		})
	}
}
