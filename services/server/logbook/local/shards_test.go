package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/logfile"
)

// In these tests three numbers share a shard directory, so that few messages cross
// from one to the next.
func TestMain(m *testing.M) {
	logfile.SetShardFiles(3)
	os.Exit(m.Run())
}

func layout(dir string, sharded bool) Config {
	cfg := testConfig(dir)
	cfg.Sharded = sharded
	return cfg
}

func bothLayouts(t *testing.T, test func(t *testing.T, sharded bool)) {
	for name, sharded := range map[string]bool{"flat": false, "sharded": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, sharded)
		})
	}
}

// addTo appends n messages to the volume, and returns the paths of their log files.
func addTo(t *testing.T, cfg Config, n int) (files []string) {
	t.Helper()
	book := open(t, cfg)
	for range n {
		facts, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
		check(t, err)
		files = append(files, facts.Entry.File)
	}
	closeBook(t, book)
	return files
}

// A volume goes from one layout to the other and back: a change holds for new
// numbers, each file is where its line says, and all of them fit.
func TestLayoutChanges(t *testing.T) {
	dir := t.TempDir()
	files := addTo(t, layout(dir, false), 4)
	files = append(files, addTo(t, layout(dir, true), 6)...)
	files = append(files, addTo(t, layout(dir, false), 2)...)
	files = append(files, addTo(t, layout(dir, true), 1)...)
	want := "server_message0.txt server_message1.txt server_message2.txt server_message3.txt " +
		"000001/server_message4.txt 000001/server_message5.txt " +
		"000002/server_message6.txt 000002/server_message7.txt 000002/server_message8.txt " +
		"000003/server_message9.txt server_message10.txt server_message11.txt 000004/server_message12.txt"
	if got := strings.Join(files, " "); got != want {
		t.Errorf("got %s", got)
	}
	cfg := testConfig(dir)
	for range 2 {
		checked, err := Verify(cfg, func(d Difference) { t.Error(d) })
		if err != nil || checked.Checked != 13 {
			t.Errorf("verified %d files, %v", checked, err)
		}
		cfg.ID = strings.Repeat("f", 32) // a new id changes nothing about its files
		if messages, err := accepted(t, cfg); err != nil || messages != 13 {
			t.Errorf("accepted %d messages, %v", messages, err)
		}
	}
}

// Whoever serves logs/ to others can read what is in its shard directories, whatever
// the server's umask.
func TestShardIsReadable(t *testing.T) {
	dir := t.TempDir()
	defer unix.Umask(unix.Umask(0o077))
	file := addTo(t, layout(dir, true), 1)[0]
	for name, want := range map[string]fs.FileMode{filepath.Dir(file): 0o755, file: 0o644} {
		info, err := os.Stat(filepath.Join(dir, disk.LogsDir, name))
		check(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, not %v", name, info.Mode().Perm(), want)
		}
	}
}

// plants put something else in the place of a shard directory.
var plants = map[string]func(t *testing.T, at string){
	"a file": func(t *testing.T, at string) { write(t, at, "foreign") },
	"a link": func(t *testing.T, at string) { check(t, os.Symlink(t.TempDir(), at)) },
}

// What is in the place of a shard directory is neither replaced nor followed; the
// server goes on by itself once it is gone.
func TestForeignShard(t *testing.T) {
	for name, plant := range plants {
		t.Run(name, func(t *testing.T) {
			cfg := layout(t.TempDir(), true)
			cfg.RetryEvery = time.Millisecond
			book := open(t, cfg)
			at := filepath.Join(cfg.Dir, disk.LogsDir, "000000")
			plant(t, at)
			_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
			wantForeign(t, err)
			if book.Ready() == nil {
				t.Error("readiness stayed green")
			}
			remove(t, at)
			untilKept(t, book, logbooktest.Draft("a", nil), nil)
		})
	}
}

func wantForeign(t *testing.T, err error) {
	t.Helper()
	var foreign *ForeignFileError
	if !errors.As(err, &foreign) || foreign.Name != "000000" {
		t.Errorf("got %v", err)
	}
}

// A link that takes the place of a shard directory with files in it is not followed:
// not to flush, to recover or to verify.
func TestExchangedShard(t *testing.T) {
	cfg := layout(t.TempDir(), true)
	cfg.RetryEvery = time.Hour
	book := open(t, cfg)
	_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
	check(t, err)
	shard := filepath.Join(cfg.Dir, disk.LogsDir, "000000")
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	check(t, os.Rename(shard, elsewhere))
	check(t, os.Symlink(elsewhere, shard))
	_, err = logbooktest.Append(t.Context(), book, logbooktest.Draft("b", nil), nil)
	wantForeign(t, err)
	_ = book.Close() // it cannot flush the names
	_, err = Open(cfg)
	wantForeign(t, err)
	var found []Difference
	_, err = Verify(cfg, func(d Difference) { found = append(found, d) })
	if err != nil || len(found) != 1 || !strings.Contains(found[0].Reason, "foreign file is in the place of 000000") {
		t.Errorf("verify finds %v, %v", found, err)
	}
	if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) != 1 {
		t.Errorf("beyond the link are %v, %v", entries, err)
	}
	remove(t, shard)
	check(t, os.Rename(elsewhere, shard))
	addTo(t, cfg, 1)
	checked, err := Verify(cfg, func(d Difference) { t.Error(d) })
	if err != nil || checked.Checked != 2 {
		t.Errorf("verified %d files, %v", checked, err)
	}
}

// A shard directory that somebody removes while the server runs is made again, and
// the files that were in it are missing by themselves.
func TestShardIsMadeAgain(t *testing.T) {
	cfg := layout(t.TempDir(), true)
	cfg.RetryEvery = time.Millisecond
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	var tries atomic.Int32
	cfg.seams.Fault = func(s disk.Step) error {
		if strings.HasSuffix(s.To, logfile.FileName(1)) && tries.Add(1) == 3 {
			giveUp() // or the message would wait for the directory for ever
		}
		return nil
	}
	book := open(t, cfg)
	_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
	check(t, err)
	check(t, os.RemoveAll(filepath.Join(cfg.Dir, disk.LogsDir, "000000")))
	_, err = logbooktest.Append(ctx, book, logbooktest.Draft("b", nil), nil)
	check(t, err)
	closeBook(t, book)
	var found []Difference
	checked, err := Verify(cfg, func(d Difference) { found = append(found, d) })
	if err != nil || checked.Checked != 2 || len(found) != 1 || found[0].Seq != 0 || found[0].Reason != Missing {
		t.Errorf("verified %d files: %v, %v", checked, found, err)
	}
}

// A server that dies leaves names that nobody has flushed: the next one flushes them
// before it starts records that no longer vouch for them.
func TestShardIsFlushedByRecovery(t *testing.T) {
	cfg := layout(durabletest.MemoryDir(t), true)
	book := open(t, cfg)
	_, err := logbooktest.Append(t.Context(), book, logbooktest.Draft("a", nil), nil)
	check(t, err)
	dead := durabletest.MemoryDir(t)
	durabletest.Put(t, dead, durabletest.Get(t, cfg.Dir))
	tr := &trace{dirty: make(map[string]bool)}
	open(t, powerCut{}.tracing(dead, tr))
	flushed := tr.after(func(s disk.Step) bool { return s.Op == disk.OpSyncDir && s.Name == disk.LogsDir+"/000000" })
	if fresh := tr.after(freshRecords); len(flushed) == 0 || len(fresh) == 0 || flushed[0] > fresh[0] {
		t.Errorf("flushed at %v, fresh records at %v", flushed, fresh)
	}
}
