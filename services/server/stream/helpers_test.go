package stream_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"sealpost/services/server/stream"
	"sealpost/services/server/stream/natstest"
)

// patience is for what comes within seconds where nothing is wrong.
const patience = time.Minute

// create makes a stream and connects to it as a server does.
func create(t *testing.T, c *natstest.Cluster, name string, settings stream.Settings) *stream.Stream {
	t.Helper()
	c.Create(name, settings)
	return connect(t, c.Config(name))
}

func connect(t *testing.T, cfg stream.Config) *stream.Stream {
	t.Helper()
	s, err := stream.Connect(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// logLines are what a Stream wrote to its log.
type logLines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logLines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// mustStepDown is what Read says of a leader without an entry.
const mustStepDown = "it must step down"

// logged connects to a stream as connect does, and returns the log, too.
func logged(t *testing.T, c *natstest.Cluster, name string) (*stream.Stream, *logLines) {
	t.Helper()
	lines := new(logLines)
	cfg := c.Config(name)
	cfg.Log = zerolog.New(lines)
	return connect(t, cfg), lines
}

func config(t *testing.T, c *natstest.Cluster, name string) jetstream.StreamConfig {
	t.Helper()
	found, err := c.JetStream().Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return found.CachedInfo().Config
}

// never is for entries that are not sent.
func never(t *testing.T) func(uint64, error) {
	return func(position uint64, err error) { t.Errorf("an outcome: %d %v", position, err) }
}

func header(i int) map[string][]string { return map[string][]string{"Number": {fmt.Sprint(i)}} }
func body(i int) string                { return fmt.Sprintf("entry %d, and what else is in it", i) }

// outcome publishes an entry and waits for its outcome.
func outcome(t *testing.T, s *stream.Stream, header map[string][]string, data []byte) (position uint64, err error) {
	t.Helper()
	done := make(chan struct{})
	sendErr := s.Publish(header, data, func(at uint64, e error) {
		position, err = at, e
		close(done)
	})
	if sendErr != nil {
		return 0, sendErr
	}
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("no outcome")
	}
	return position, err
}

// publish publishes the entries from one number up to another at once, and returns their positions.
func publish(t *testing.T, s *stream.Stream, from, to int) []uint64 {
	t.Helper()
	at := make([]uint64, to-from)
	outcomes := make(chan error, to-from)
	for i := range at {
		err := s.Publish(header(from+i), []byte(body(from+i)), func(position uint64, err error) {
			at[i] = position
			outcomes <- err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range at {
		select {
		case err := <-outcomes:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(patience):
			t.Fatal("no outcome")
		}
	}
	return at
}

var errEnough = errors.New("enough")

// read reads a number of entries behind a position.
func read(t *testing.T, s *stream.Stream, after uint64, count int) []stream.Entry {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all []stream.Entry
	err := s.Read(ctx, after, func(e stream.Entry) error {
		if all = append(all, e); len(all) == count {
			return errEnough
		}
		return nil
	})
	if err != errEnough {
		t.Fatalf("%v after %d entries", err, len(all))
	}
	return all
}
