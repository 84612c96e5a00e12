package collector_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/shared/logfile"
	"sealpost/shared/nettest"
)

func TestManifestMustContinueTheKeptOne(t *testing.T) {
	other := sampleVolume(t, 6) // the same sizes under other ids
	for _, test := range []struct {
		name   string
		change func(v *drivertest.Volume)
		want   error
		line   int64 // that is named
	}{
		{"another logbook", func(v *drivertest.Volume) { v.SetManifest(other.Manifest()) }, collector.ErrChanged, 0},
		{"first byte", func(v *drivertest.Volume) { v.SetManifest("[" + v.Manifest()[1:]) }, collector.ErrChanged, 0},
		{"a line in the middle", func(v *drivertest.Volume) {
			v.SetManifest(strings.Replace(v.Manifest(), v.Line(v.Entries[2])[1:], v.Line(v.Entries[3])[1:], 1) +
				"more to come\n")
		}, collector.ErrChanged, 2},
		{"last byte", func(v *drivertest.Volume) {
			v.SetManifest(strings.TrimSuffix(v.Manifest(), "\n") + " " + v.Line(other.Entries[5]))
		}, collector.ErrChanged, 4},
		{"shorter", func(v *drivertest.Volume) { v.SetManifest(v.Lines(4)) }, collector.ErrBehind, 4},
		{"shorter by a byte", func(v *drivertest.Volume) { v.SetManifest(strings.TrimSuffix(v.Manifest(), "\n")) },
			collector.ErrBehind, 4},
		{"a line taken out", func(v *drivertest.Volume) {
			v.SetManifest(strings.Replace(v.Manifest(), v.Line(v.Entries[1])+"\n", "", 1))
		}, collector.ErrBehind, 1},
		{"empty", func(v *drivertest.Volume) { v.SetManifest("") }, collector.ErrBehind, 0},
		{"not there", func(v *drivertest.Volume) { v.Remove(logfile.ManifestName) }, collector.ErrMissing, -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := sampleVolume(t, 5)
			cfg := config(t, drivertest.Serve(t, v.Dir, nil))
			mustCollect(t, cfg)
			before := read(t, cfg.Dir, logfile.ManifestName)
			test.change(v)
			_, _, err := collect(t, cfg)
			var manifest *collector.ManifestError
			if !errors.As(err, &manifest) || !errors.Is(err, test.want) || manifest.Line != test.line {
				t.Errorf("%v, want %v of line %d", err, test.want, test.line)
			}
			if !bytes.Equal(read(t, cfg.Dir, logfile.ManifestName), before) {
				t.Error("the kept manifest changed")
			}
		})
	}
}

func TestManifestLineThatIsNone(t *testing.T) {
	v := sampleVolume(t, 4)
	line := v.Line(v.Entries[2])
	for name, bad := range map[string]string{
		"path":           strings.Replace(line, `"server_message2.txt"`, `"../server_message2.txt"`, 1),
		"absolute path":  strings.Replace(line, `"server_message2.txt"`, `"/etc/passwd"`, 1),
		"backslash":      strings.Replace(line, `"server_message2.txt"`, `"..\\server_message2.txt"`, 1),
		"line break":     strings.Replace(line, `"server_message2.txt"`, `"server_message2.txt\r\nDELE x"`, 1),
		"another number": v.Line(v.Entries[3]),
		"a number again": v.Line(v.Entries[1]),
		"no JSON":        "hello",
		"empty":          "",
		"too long":       strings.Repeat("x", logfile.MaxLine+1),
		"endless":        strings.Repeat("x", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			m := &misbehaving{files: filesOf(v)}
			m.files[logfile.ManifestName] = []byte(v.Lines(2) + bad + "\n" + line + "\n")
			cfg := config(t, m.start(t))
			_, result, err := collect(t, cfg)
			var manifest *collector.ManifestError
			if !errors.As(err, &manifest) || manifest.Line != 2 || manifest.Kept {
				t.Errorf("%v", err)
			}
			if result.New != 2 || string(read(t, cfg.Dir, logfile.ManifestName)) != v.Lines(2) {
				t.Errorf("what came before it: %+v", result)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	v := sampleVolume(t, 6)
	large := v.Entries[3].FileSize
	t.Run("file", func(t *testing.T) {
		cfg := config(t, drivertest.Serve(t, v.Dir, nil))
		cfg.MaxFile = large - 1
		_, result, err := collect(t, cfg)
		if err != nil || len(result.Failures) != 1 || !errors.Is(result.Failures[0], collector.ErrTooLarge) {
			t.Errorf("%v, %+v", err, result)
		}
		cfg.MaxFile = large
		mustCollect(t, cfg)
	})
	t.Run("manifest", func(t *testing.T) {
		cfg := config(t, drivertest.Serve(t, v.Dir, nil))
		cfg.MaxManifest = uint64(len(v.Lines(4))) + 10
		cfg.Checkpoint = func([]byte, error) (uint64, error) { return 6, nil } // known, and no reason to wait
		cfg.Wait = time.Hour
		cfg.Done = func() error { t.Error("done, though the rest is to come"); return nil }
		if _, result, err := collect(t, cfg); !errors.Is(err, collector.ErrGrowth) || result.New != 4 {
			t.Errorf("%v, %+v", err, result)
		}
		cfg.Done = nil
		if _, result := mustCollect(t, cfg); result.New != 2 {
			t.Errorf("the rest: %+v", result)
		}
		sameFiles(t, v, cfg.Dir)
	})
}

func TestManifestGrowsWhileItIsFetched(t *testing.T) {
	v := sampleVolume(t, 5)
	m := &misbehaving{files: filesOf(v)}
	before := int64(len(v.Lines(3)) + 20)
	var grown atomic.Bool
	m.reply = func(c *ftpClient, command, argument string) bool {
		old := command == "SIZE" && argument == logfile.ManifestName && !grown.Load()
		if old {
			c.say("213 %d", before)
		}
		return old
	}
	cfg := config(t, m.start(t))
	if _, result := mustCollect(t, cfg); result.Files != 3 {
		t.Errorf("%+v", result)
	}
	grown.Store(true)
	mustCollect(t, cfg)
	sameFiles(t, v, cfg.Dir)
}

func TestWaitsForAManifestThatIsBehind(t *testing.T) {
	v := sampleVolume(t, 5)
	m := &misbehaving{files: filesOf(v)}
	var behindFor atomic.Int32
	m.reply = func(c *ftpClient, command, _ string) bool {
		behind := command == "SIZE" && behindFor.Add(-1) >= 0
		if behind {
			c.say("213 10")
		}
		return behind
	}
	cfg := config(t, m.start(t))
	mustCollect(t, cfg)
	behindFor.Store(10)
	cfg.Wait = time.Minute
	var log bytes.Buffer
	cfg.Log = zerolog.New(&log)
	if _, result := mustCollect(t, cfg); result.Files != 5 {
		t.Errorf("%+v", result)
	}
	if n := strings.Count(log.String(), `"level":"warn"`); n != 1 || !strings.Contains(log.String(), "waiting for it") {
		t.Errorf("%d warnings of the wait:\n%s", n, log.String())
	}
}

// A server that cannot be reached is told of before the last attempt.
func TestTellsOfAServerThatIsAway(t *testing.T) {
	l := nettest.Listen(t)
	l.Close()
	var log bytes.Buffer
	cfg := config(t, l.Addr().String())
	cfg.Attempts, cfg.Log = 3, zerolog.New(&log)
	_, _, err := collect(t, cfg)
	if n := strings.Count(log.String(), `"level":"warn"`); !errors.As(err, new(*collector.ConnectError)) || n != 1 {
		t.Errorf("%v, %d warnings:\n%s", err, n, log.String())
	}
}

func TestFetchesTheEndOfALongManifest(t *testing.T) {
	const lines = 4000
	v := drivertest.NewVolume(t)
	e := v.Add("first.txt", []byte("the same text"))
	var long strings.Builder
	for e.Seq = range uint64(lines) {
		e.File = logfile.FileName(e.Seq)
		long.WriteString(v.Line(e) + "\n")
	}
	kept := long.String()
	body := v.Read("server_message0.txt")
	e.Seq, e.File = lines, logfile.FileName(lines)
	m := &misbehaving{files: map[string][]byte{
		logfile.ManifestName: []byte(kept + v.Line(e) + "\n"), e.File: body,
	}}
	cfg := config(t, m.start(t))
	cfg.Attempts = 1
	if err := os.WriteFile(filepath.Join(cfg.Dir, logfile.ManifestName), []byte(kept), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, result := mustCollect(t, cfg); result.New != 1 || result.Away != lines {
		t.Errorf("%+v", result)
	}
	if got, want := m.seen("REST"), fmt.Sprintf("REST %d", len(kept)-1<<20); len(got) != 1 || got[0] != want {
		t.Errorf("fetched from %q, want %q", got, want)
	}
	if got := string(read(t, cfg.Dir, logfile.ManifestName)); got != kept+v.Line(e)+"\n" {
		t.Error("the kept manifest did not grow by the line")
	}
}
