package collector_test

import (
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

// seenCheckpoint is what the collector handed on.
type seenCheckpoint struct {
	calls int
	text  []byte
	err   error
}

// watch makes cfg fetch the checkpoint and know of that many lines.
func watch(cfg *collector.Config, lines uint64) *seenCheckpoint {
	seen := new(seenCheckpoint)
	cfg.Checkpoint = func(text []byte, err error) (uint64, error) {
		seen.calls++
		seen.text, seen.err = text, err
		return lines, nil
	}
	return seen
}

// withCheckpoint is a server of the volume's files and a checkpoint.
func withCheckpoint(v *drivertest.Volume, text string) *misbehaving {
	m := &misbehaving{files: filesOf(v)}
	m.files[logfile.CheckpointName] = []byte(text)
	return m
}

func TestCheckpointComesBeforeTheManifest(t *testing.T) {
	v := sampleVolume(t, 4)
	m := withCheckpoint(v, "signed")
	cfg := config(t, m.start(t))
	seen := watch(&cfg, 0)
	mustCollect(t, cfg)
	if seen.calls != 1 || string(seen.text) != "signed" || seen.err != nil {
		t.Errorf("%+v", seen)
	}
	got := m.seen("RETR")
	if at := slices.Index(got, "RETR "+logfile.CheckpointName); at != 0 || got[1] != "RETR "+logfile.ManifestName {
		t.Errorf("fetched %q", got)
	}
	if n := len(m.seen("USER")); n > 4 {
		t.Errorf("%d sessions for 4 connections", n)
	}
	sameFiles(t, v, cfg.Dir)

	cfg = config(t, m.l.Addr().String())
	mustCollect(t, cfg)
	if got := m.seen("RETR " + logfile.CheckpointName); len(got) != 1 {
		t.Errorf("fetched though nobody asks for it: %q", got)
	}
}

func TestCheckpointThatIsNotThere(t *testing.T) {
	v := sampleVolume(t, 4)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	seen := watch(&cfg, 0)
	mustCollect(t, cfg)
	if seen.calls != 1 || seen.text != nil || seen.err != nil {
		t.Errorf("missing: %+v", seen)
	}
	v.Write(logfile.CheckpointName, nil)
	mustCollect(t, cfg)
	if seen.calls != 2 || seen.text == nil || len(seen.text) != 0 || seen.err != nil {
		t.Errorf("empty: %+v", seen)
	}
	v.Write(logfile.CheckpointName, make([]byte, 64<<10+1))
	mustCollect(t, cfg)
	if seen.calls != 3 || seen.text != nil || !errors.Is(seen.err, collector.ErrTooLarge) {
		t.Errorf("too large: %+v", seen)
	}
}

// TestCheckpointIsReplacedMeanwhile: between the question for its size and the
// transfer, by a longer one and by a shorter one.
func TestCheckpointIsReplacedMeanwhile(t *testing.T) {
	for name, old := range map[string]string{"longer": "213 3", "shorter": "213 9"} {
		t.Run(name, func(t *testing.T) {
			v := sampleVolume(t, 4)
			m := withCheckpoint(v, "signed")
			var asked atomic.Bool
			m.reply = func(c *ftpClient, command, argument string) bool {
				first := command == "SIZE" && argument == logfile.CheckpointName && asked.CompareAndSwap(false, true)
				if first {
					c.say("%s", old)
				}
				return first
			}
			cfg := config(t, m.start(t))
			seen := watch(&cfg, 0)
			mustCollect(t, cfg)
			if seen.calls != 1 || string(seen.text) != "signed" || seen.err != nil {
				t.Errorf("%+v", seen)
			}
		})
	}
}

// TestCheckpointThatCannotBeFetched: the files come all the same.
func TestCheckpointThatCannotBeFetched(t *testing.T) {
	v := sampleVolume(t, 4)
	m := withCheckpoint(v, "signed")
	m.send = func(data net.Conn, name string, body []byte) string {
		if name == logfile.CheckpointName {
			data.Write(body[:2])
			return "426 cut"
		}
		data.Write(body)
		return "226 done"
	}
	cfg := config(t, m.start(t))
	cfg.Attempts = 3
	seen := watch(&cfg, 0)
	mustCollect(t, cfg)
	if seen.calls != 1 || seen.text != nil || !errors.Is(seen.err, collector.ErrCut) {
		t.Errorf("%+v", seen)
	}
	if got := m.seen("RETR " + logfile.CheckpointName); len(got) != 3 {
		t.Errorf("%d attempts, want 3", len(got))
	}
	sameFiles(t, v, cfg.Dir)
}

// TestWaitsForACheckpointThatLags: receipts say how much was signed, and the
// server has yet to show it.
func TestWaitsForACheckpointThatLags(t *testing.T) {
	v := sampleVolume(t, 5)
	m := withCheckpoint(v, v.SignCheckpoint(5))
	older := v.SignCheckpoint(3)
	asked := 0
	m.reply = func(c *ftpClient, command, argument string) bool {
		if command != "SIZE" || argument != logfile.CheckpointName {
			return false
		}
		switch asked++; {
		case asked < 3:
			c.say("550 no such file")
			return true
		case asked < 6:
			m.files[logfile.CheckpointName] = []byte(older)
		default:
			m.files[logfile.CheckpointName] = []byte(v.SignCheckpoint(5))
		}
		return false
	}
	cfg := config(t, m.start(t))
	cfg.Connections, cfg.Wait = 1, time.Hour
	cfg.Signed = func(string) uint64 { return 5 }
	seen := watch(&cfg, 0)
	mustCollect(t, cfg)
	if seen.calls != 1 || string(seen.text) != v.SignCheckpoint(5) || asked != 6 {
		t.Errorf("asked %d times: %+v", asked, seen)
	}
	asked, cfg.Wait = 0, time.Nanosecond
	mustCollect(t, cfg)
	if seen.calls != 2 || seen.text != nil || seen.err != nil || asked != 1 {
		t.Errorf("no time to wait: asked %d times: %+v", asked, seen)
	}
}

// TestWaitsForLinesThatWereSigned: a server that recovers has yet to append
// them. When the time to wait is over the manifest is taken as it is.
func TestWaitsForLinesThatWereSigned(t *testing.T) {
	v := sampleVolume(t, 5)
	m := withCheckpoint(v, "signed")
	whole, part := int64(len(v.Manifest())), int64(len(v.Lines(3)))
	var shortFor atomic.Int32
	m.reply = func(c *ftpClient, command, argument string) bool {
		manifest := command == "SIZE" && argument == logfile.ManifestName
		if manifest {
			size := whole
			if shortFor.Add(-1) >= 0 {
				size = part
			}
			c.say("213 %d", size)
		}
		return manifest
	}
	cfg := config(t, m.start(t))
	watch(&cfg, 5)
	shortFor.Store(1 << 20)
	if _, result := mustCollect(t, cfg); result.Files != 3 {
		t.Errorf("nothing to wait for: %+v", result)
	}
	cfg.Wait = time.Minute
	shortFor.Store(10)
	if _, result := mustCollect(t, cfg); result.Files != 5 {
		t.Errorf("waited: %+v", result)
	}
}

// TestDone: it is called once all is settled and durable, while the directory
// is still held, and its error is the run's.
func TestDone(t *testing.T) {
	v := sampleVolume(t, 5)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	calls, seen := 0, 0
	cfg.Each = func(collector.Item) error { seen++; return nil }
	cfg.Done = func() error {
		calls++
		if _, err := durable.TryLock(cfg.Dir + "/.collecting"); !errors.Is(err, durable.ErrLocked) {
			t.Errorf("the directory is not held: %v", err)
		}
		if seen != 5 || string(read(t, cfg.Dir, logfile.ManifestName)) != v.Manifest() {
			t.Errorf("called after %d messages", seen)
		}
		return nil
	}
	if _, err := collector.Collect(t.Context(), cfg); err != nil || calls != 1 {
		t.Fatalf("%d calls, %v", calls, err)
	}
	cfg.Done = func() error { return os.ErrPermission }
	if _, err := collector.Collect(t.Context(), cfg); !errors.Is(err, os.ErrPermission) {
		t.Errorf("%v", err)
	}
	cfg.Done = func() error { t.Error("called after a failed run"); return nil }
	v.SetManifest(strings.Replace(v.Manifest(), "store-17", "store-18", 1))
	if _, err := collector.Collect(t.Context(), cfg); !errors.Is(err, collector.ErrChanged) {
		t.Errorf("%v", err)
	}
}
