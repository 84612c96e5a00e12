package local

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/logbooktest"
)

// Bytes that do not fit are found, and the part is dropped with them.
func TestPartIsSpoiled(t *testing.T) {
	cfg := keeping(t.TempDir())
	d, content := long("a", 3)
	book := open(t, cfg)
	for name, spoil := range map[string]func(s logbook.Staged) error{
		"a byte on the disk": func(s logbook.Staged) error {
			path := filepath.Join(cfg.Dir, s.(*staged).name)
			text := read(t, path)
			text[s.(*staged).layout.PlainOffset()+7] ^= 1
			check(t, os.WriteFile(path, text, 0o644))
			return s.Compare(content[:100], 0)
		},
		"a short file": func(s logbook.Staged) error {
			check(t, os.Truncate(filepath.Join(cfg.Dir, s.(*staged).name), 1000))
			return s.Compare(content[:2000], 0)
		},
		"other bytes behind it": func(s logbook.Staged) error {
			_, err := s.Write(content[:len(content)-2*testStep])
			check(t, err)
			_, err = logbook.Append(t.Context(), s)
			return err
		},
		"more bytes": func(s logbook.Staged) error { _, err := s.Write(content); return err },
		"too few bytes": func(s logbook.Staged) error {
			_, err := logbook.Append(t.Context(), s)
			return err
		},
	} {
		cutOff(t, book, d, content, 2*testStep)
		s, err := book.Stage(t.Context(), d)
		check(t, err)
		if err := spoil(s); !errors.Is(err, logbook.ErrSpoiled) || errors.Is(err, logbook.ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
		s.Discard()
		wantKept(t, book, d, 0)
	}
	finish(t, book, d, content)
}

// What a start finds and cannot go on with it removes, and says so nowhere else.
func TestPartIsDamaged(t *testing.T) {
	for name, test := range map[string]struct {
		damage func(t *testing.T, cfg *Config, states, file string)
		kept   int
	}{
		"no states":     {func(t *testing.T, _ *Config, states, _ string) { remove(t, states) }, 0},
		"empty states":  {func(t *testing.T, _ *Config, states, _ string) { check(t, os.Truncate(states, 0)) }, 0},
		"no file":       {func(t *testing.T, _ *Config, _, file string) { remove(t, file) }, 0},
		"a short file":  {func(t *testing.T, _ *Config, _, file string) { check(t, os.Truncate(file, 2*testStep)) }, 0},
		"another zone":  {func(_ *testing.T, cfg *Config, _, _ string) { cfg.Zone = time.FixedZone("", 3600) }, 0},
		"no parts kept": {func(_ *testing.T, cfg *Config, _, _ string) { cfg.KeepParts = 0 }, 0},
		"too old": {func(_ *testing.T, cfg *Config, _, _ string) {
			cfg.now = func() time.Time { return time.Now().Add(25 * time.Hour) }
		}, 0},
		"from the future": {func(_ *testing.T, cfg *Config, _, _ string) {
			cfg.now = func() time.Time { return time.Now().Add(-25 * time.Hour) }
		}, 0},
		"not too old": {func(_ *testing.T, cfg *Config, _, _ string) {
			cfg.now = func() time.Time { return time.Now().Add(23 * time.Hour) }
		}, 3 * testStep},
		"the newest state torn": {func(t *testing.T, _ *Config, states, _ string) {
			text := read(t, states)
			text[20] ^= 1 // the third of them, in the place of the first
			write(t, states, string(text))
		}, 2 * testStep},
		"a longer file": {func(t *testing.T, _ *Config, _, file string) {
			write(t, file, string(read(t, file))+strings.Repeat("x", 3*testStep))
		}, 3 * testStep},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := keeping(t.TempDir())
			d, content := long("a", 3)
			book := open(t, cfg)
			cutOff(t, book, d, content, 3*testStep+1)
			closeBook(t, book)
			left := onTheirWay(t, cfg.Dir)
			if len(left) != 2 {
				t.Fatalf("staging has %q", left)
			}
			staging := filepath.Join(cfg.Dir, disk.StagingDir)
			test.damage(t, &cfg, filepath.Join(staging, left[1]), filepath.Join(staging, left[0]))
			book = open(t, cfg)
			if cfg.KeepParts > 0 {
				wantKept(t, book, d, test.kept)
			}
			finish(t, book, d, content)
		})
	}
}

// A part that cannot be gone on with now, for want of descriptors or room, stays.
func TestPartStaysForLater(t *testing.T) {
	cfg := keeping(t.TempDir())
	book := open(t, cfg)
	d, content := long("a", 3)
	cutOff(t, book, d, content, 2*testStep)
	for name, lack := range map[string]func() (end func()){
		"descriptors": func() func() {
			others := 0
			for book.files.Take(strconv.Itoa(others)) == nil {
				others++
			}
			return func() {
				for n := range others {
					book.files.Give(strconv.Itoa(n))
				}
			}
		},
		"room": func() func() {
			most := book.space.Limit
			book.space.Limit = 1
			return func() { book.space.Limit = most }
		},
	} {
		end := lack()
		if s, err := book.Stage(t.Context(), d); !errors.Is(err, logbook.ErrUnavailable) || s != nil {
			t.Errorf("without %s: %v", name, err)
		}
		end()
		wantKept(t, book, d, 2*testStep)
	}
	finish(t, book, d, content)
}

// A flush that fails beside the session fails the message: the kernel tells it
// once, and nothing may be acknowledged that did not reach the disk.
func TestPartFlushFails(t *testing.T) {
	cfg := keeping(t.TempDir())
	cfg.RetryEvery = time.Millisecond
	var fail atomic.Bool
	cfg.seams.Fault = func(s disk.Step) error {
		if s.Op == disk.OpSync && strings.HasPrefix(s.Name, disk.StagingDir+"/"+disk.StagedPrefix) &&
			!strings.HasSuffix(s.Name, "probe") && fail.CompareAndSwap(true, false) {
			return errInjected
		}
		return nil
	}
	d, content := long("a", 1)
	for name, end := range map[string]func(s logbook.Staged) error{
		"commit": func(s logbook.Staged) error {
			_, err := logbook.Append(t.Context(), s)
			return err
		},
		"suspend": func(s logbook.Staged) error { s.Suspend(); return logbook.ErrUnavailable },
	} {
		book := open(t, cfg)
		fail.Store(true)
		s := goOn(t, book, d, content, len(content))
		if err := end(s); !errors.Is(err, logbook.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
		logbooktest.Soon(t, "the volume works again", func() bool { return book.Ready() == nil })
		wantKept(t, book, d, 0)
		closeBook(t, book)
	}
	finish(t, open(t, cfg), d, content)
}
