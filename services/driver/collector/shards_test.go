package collector_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/logfile"
)

// mixedVolume has four flat log files, then three in shard directories, then a flat one.
func mixedVolume(t *testing.T) *drivertest.Volume {
	t.Helper()
	v := sampleVolume(t, 3)
	v.Sharded = true
	v.AddEnciphered("four.txt", []byte("four"), "secret")
	v.Add("five.txt", []byte("five"))
	v.Add("six.txt", nil)
	v.Sharded = false
	v.Add("seven.txt", []byte("seven"))
	return v
}

// What the server has in shard directories comes into such, over several
// connections, and neither it nor anything else comes again.
func TestMixedLayouts(t *testing.T) {
	v := mixedVolume(t)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	items, result := mustCollect(t, cfg)
	if result.New != 8 || items[4].Path != filepath.Join(cfg.Dir, "000002", "server_message4.txt") {
		t.Errorf("%+v; number 4 is %s", result, items[4].Path)
	}
	sameFiles(t, v, cfg.Dir)
	if _, result := mustCollect(t, cfg); result.New != 0 || result.Files != 8 {
		t.Errorf("the second run: %+v", result)
	}
	if err := os.RemoveAll(filepath.Join(cfg.Dir, "000002")); err != nil {
		t.Fatal(err)
	}
	if _, result := mustCollect(t, cfg); result.New != 0 || result.Away != 2 {
		t.Errorf("with a directory moved away: %+v", result)
	}
}

// A failure names the path.
func TestMissingInShard(t *testing.T) {
	v := mixedVolume(t)
	v.Remove(v.Entries[4].File)
	_, result, err := collect(t, config(t, drivertest.Serve(t, v.Dir, nil)))
	if failure := onlyFailure(t, result, err); !strings.Contains(failure.Error(), "000002/server_message4.txt") {
		t.Errorf("it says %v", failure)
	}
}

// A link in the place of a shard directory is not followed, whether its files are
// still to come or have come before. What lies elsewhere comes all the same.
func TestLinkForShard(t *testing.T) {
	v := mixedVolume(t)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	elsewhere, at := t.TempDir(), filepath.Join(cfg.Dir, "000002")
	if err := os.Symlink(elsewhere, at); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, cfg, 6)
	if names, err := os.ReadDir(elsewhere); len(names) > 0 || err != nil {
		t.Errorf("beyond the link are %v, %v", names, err)
	}
	if err := os.Remove(at); err != nil {
		t.Fatal(err)
	}
	mustCollect(t, cfg)
	sameFiles(t, v, cfg.Dir)
	if err := errors.Join(os.Rename(at, filepath.Join(elsewhere, "moved")),
		os.Symlink(filepath.Join(elsewhere, "moved"), at)); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, cfg, 0)
}

func wantRefused(t *testing.T, cfg collector.Config, comes uint64) {
	t.Helper()
	_, result, err := collect(t, cfg)
	if err != nil || result.New != comes || len(result.Failures) != 2 {
		t.Errorf("%+v, %v", result, err)
	}
	for _, failure := range result.Failures {
		if !errors.Is(failure, collector.ErrForeign) {
			t.Errorf("it says %v", failure)
		}
	}
}

// A shard directory that belongs to somebody else is not used: they could exchange
// what is in it.
func TestForeignShard(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory to somebody else")
	}
	v := mixedVolume(t)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	at := filepath.Join(cfg.Dir, "000002")
	if err := errors.Join(os.Mkdir(at, 0o777), os.Chown(at, other(), other())); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, cfg, 6)
}

// A run that ended without a flush leaves names that nobody has flushed: the next one,
// which finds the files there, flushes them before it keeps their lines.
func TestFoundInShardIsFlushed(t *testing.T) {
	v := mixedVolume(t)
	addr := drivertest.Serve(t, v.Dir, nil)
	cfg := config(t, addr)
	mustCollect(t, cfg)
	start := map[string][]byte{}
	for name, text := range durabletest.Get(t, cfg.Dir) {
		if name != logfile.ManifestName {
			start["out/"+name] = text
		}
	}
	flushed := false
	for _, op := range traceRun(t, addr, start, false) {
		flushed = flushed || op.Kind == durabletest.SyncDir && op.Name == "out/000002"
		if op.Kind == durabletest.Write && op.Name == "out/"+logfile.ManifestName && !flushed {
			t.Error("lines are kept before that")
		}
	}
	if !flushed {
		t.Error("no flush")
	}
}
