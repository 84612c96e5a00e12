package outbox

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealpost/services/client/outbox/box"

	"github.com/rs/zerolog"
)

// oldDay puts a day into sent that is old by its name.
func (b bench) oldDay() (path string) {
	b.Helper()
	path = b.mkdir(filepath.Join(box.Sent, "2020-01-01"))
	for _, name := range []string{"a", "a.tlog-proof"} {
		if err := os.WriteFile(filepath.Join(path, name), nil, box.FileMode); err != nil {
			b.Fatal(err)
		}
	}
	return path
}

// told ends a context when the log says something.
type told struct {
	text string
	end  context.CancelFunc
}

func (t told) Write(p []byte) (int, error) {
	if strings.Contains(string(p), t.text) {
		t.end()
	}
	return len(p), nil
}

// TestOldSentMessagesAreRemoved by a client that stays, and by one that does not
// before it ends.
func TestOldSentMessagesAreRemoved(t *testing.T) {
	for _, watch := range []bool{false, true} {
		b := newBench(t)
		path := b.oldDay()
		ctx, end := context.WithCancel(t.Context())
		cfg := b.config()
		cfg.Watch, cfg.SentKeep = watch, time.Nanosecond
		cfg.Log = zerolog.New(told{`"messages":1,"message":"old sent messages removed"`, end})
		if _, err := Run(ctx, cfg); err != nil {
			t.Error(err)
		}
		if ctx.Err() == nil {
			t.Error("nothing is said of it")
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("watch %v: %v", watch, err)
		}
		end()
	}
}

func TestSentMessagesAreKept(t *testing.T) {
	b := newBench(t)
	path := b.oldDay()
	if _, err := Run(t.Context(), b.config()); err != nil {
		t.Error(err)
	}
	cfg := b.config()
	cfg.SentKeep = time.Hour // its name is old, but it was made just now
	if _, err := Run(t.Context(), cfg); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(path, "a")); err != nil {
		t.Error(err)
	}
}
