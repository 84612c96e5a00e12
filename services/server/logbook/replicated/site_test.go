package replicated

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/state"
	"sealpost/services/server/state/shared"
	"sealpost/services/server/stream"
	"sealpost/services/server/stream/natstest"
	"sealpost/shared/logfile"
)

// site is a register, a log of servers, and what an operator does.
type site struct {
	nodes *natstest.Cluster
	name  string
	key   shared.Key
	log   *handLog
	*shared.Shared
}

func newSite(t *testing.T, nodes *natstest.Cluster, name string) *site {
	t.Helper()
	nodes.CreateRegister(name)
	key, err := shared.NewKey()
	check(t, err)
	s := &site{nodes: nodes, name: name, key: key, log: begun(t, "a", "b", "c")}
	cfg := s.config(t)
	first, err := state.Open(cfg.Dir)
	check(t, err)
	check(t, first.Close())
	check(t, shared.Share(t.Context(), cfg))
	s.Shared = s.connect(t)
	return s
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) config(t *testing.T) shared.Config {
	t.Helper()
	r, err := stream.OpenRegister(t.Context(), s.nodes.Config(s.name))
	check(t, err)
	t.Cleanup(r.Close)
	return shared.Config{Register: r, Key: s.key, Dir: t.TempDir(), Log: zerolog.Nop()}
}

func (s *site) connect(t *testing.T) *shared.Shared {
	t.Helper()
	found, err := shared.Open(t.Context(), s.config(t))
	check(t, err)
	return found
}

// server is the configuration of one.
func (s *site) server(t *testing.T, dir, name string) Config {
	t.Helper()
	cfg := testConfig(dir, name, s.log)
	cfg.Voids = s.connect(t).Passage(name)
	return cfg
}

// narrow is the configuration of one whose volume has no room for a message that is large.
func (s *site) narrow(t *testing.T, dir, name string) Config {
	t.Helper()
	cfg := s.server(t, dir, name)
	cfg.Local.MaxStaged = 64 << 10
	return cfg
}

// put adds a message, and returns its position and its entry.
func (s *site) put(t *testing.T, content string) (uint64, entry.Header) {
	t.Helper()
	h := published(content)
	return s.log.put(t, testKey, h, []byte(content)), h
}

var large = strings.Repeat("large", 20<<10)

// stuck waits until a logbook stands in front of a position.
func stuck(t *testing.T, book *Logbook, position uint64) {
	t.Helper()
	soon(t, "the server says where it stands", func() bool {
		var e *StuckError
		return errors.As(book.Ready(), &e) && e.Position == position
	})
}

// void makes an entry void, as soon as all stand there that are named.
func (s *site) void(t *testing.T, position uint64, servers ...string) {
	t.Helper()
	soon(t, "the entry is void", func() bool {
		err := s.Void(t.Context(), position, servers)
		if err != nil && !errors.As(err, new(*shared.NotStuckError)) {
			t.Fatal(err)
		}
		return err == nil
	})
}

// refused expects that an entry is not made void for want of these servers' promises.
func (s *site) refused(t *testing.T, position uint64, servers ...string) {
	t.Helper()
	var e *shared.NotStuckError
	if err := s.Void(t.Context(), position, nil); !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	for _, server := range servers {
		if !slices.Contains(e.Servers, server) {
			t.Errorf("%s is not named: %v", server, e)
		}
	}
}

// inTheWay puts a file where a message's log file belongs.
func inTheWay(t *testing.T, dir string, number uint64) (remove func()) {
	t.Helper()
	path := filepath.Join(dir, "logs", logfile.FileName(number))
	check(t, os.WriteFile(path, nil, 0o600))
	return func() { _ = os.Remove(path) }
}

// chunklessLog is a log that has lost its chunks, as one has whose nodes are damaged.
type chunklessLog struct {
	*handLog
	lost atomic.Bool
}

func (l *chunklessLog) Get(ctx context.Context, position uint64) (fold.Entry, error) {
	if l.lost.Load() {
		return fold.Entry{}, fmt.Errorf("%w: in a test", stream.ErrNotFound)
	}
	return l.handLog.Get(ctx, position)
}

// watchedVoids has something done before Leave, and before its answer, and may be away.
type watchedVoids struct {
	Voids
	leaves, left func()
	away         atomic.Bool
	asks         atomic.Int64
}

var errAway = errors.New("the register cannot be reached")

func (v *watchedVoids) Stand(ctx context.Context, position uint64) ([]uint64, error) {
	if v.asks.Add(1); v.away.Load() {
		return nil, errAway
	}
	return v.Voids.Stand(ctx, position)
}

func (v *watchedVoids) Leave(ctx context.Context) ([]uint64, error) {
	if v.asks.Add(1); v.away.Load() {
		return nil, errAway
	}
	if v.leaves != nil {
		v.leaves()
	}
	void, err := v.Voids.Leave(ctx)
	if v.left != nil {
		v.left()
	}
	return void, err
}
