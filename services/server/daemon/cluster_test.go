package daemon_test

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/courier"
	"sealpost/services/client/dial"
	"sealpost/services/server/cluster"
	"sealpost/services/server/daemon"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/state"
	"sealpost/services/server/state/shared"
	"sealpost/services/server/stream/natstest"
	"sealpost/shared/settings"
)

// several are servers of one cluster.
type several struct {
	t     *testing.T
	nodes *natstest.Cluster
	key   shared.Key
	lives []*live
}

// begun starts nodes, begins a cluster on them, and makes its servers, which do not run yet. The
// first has a state, whose sender they all are to know.
func begun(t *testing.T, names ...string) *several {
	t.Helper()
	key, err := shared.NewKey()
	check(t, err)
	s := &several{t: t, nodes: natstest.Start(t, natstest.Options{}), key: key}
	for _, name := range names {
		s.lives = append(s.lives, s.server(name))
	}
	first := s.lives[0]
	first.command, err = state.Open(first.cfg.StateDir)
	check(t, err)
	t.Cleanup(func() { check(t, first.command.Close()) })
	first.token, err = first.command.AddSender("store-17")
	check(t, err)
	_, err = cluster.Begin(t.Context(), s.config(first, "admin"), cluster.Beginning{
		DataDir: first.cfg.DataDir, Servers: names, Replicas: 3, MaxBytes: 1 << 30,
		Settings: entry.Settings{Zone: "UTC", ZoneRules: entry.RulesOf(time.UTC), CiphertextMax: 1 << 20},
	})
	check(t, err)
	for _, l := range s.lives[1:] {
		l.command, l.token = first.command, first.token
	}
	return s
}

func (s *several) server(name string) *live {
	dir := s.t.TempDir()
	l := &live{t: s.t, reload: make(chan struct{}), cfg: daemon.Config{
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", DataDir: dir, StateDir: filepath.Join(dir, "state"),
		MaxMessageBytes: 1 << 20, MaxStagedBytes: 1 << 30, LogCiphertextMax: settings.Bytes(1 << 20), DrainTimeout: patience,
	}}
	l.cfg.Membership = s.membership(name, "server")
	return l
}

func (s *several) membership(name, user string) cluster.Membership {
	return cluster.Membership{
		Logbook: cluster.OnNATS, NATSURL: cluster.URLs(strings.Join(s.nodes.URLs(), ",")), NATSUser: user,
		NATSPassword: natstest.Password, ClusterName: name, ClusterKey: settings.Secret(s.key.Reveal()),
		ClusterKeep: 72 * time.Hour,
	}
}

func (s *several) config(l *live, user string) cluster.Config {
	return cluster.Config{Membership: s.membership(l.cfg.ClusterName, user), StateDir: l.cfg.StateDir, Log: zerolog.Nop()}
}

func (s *several) start() {
	for _, l := range s.lives {
		l.start()
	}
	for _, l := range s.lives {
		l.ready()
	}
}

// courier sends to all servers, whichever takes it.
func (s *several) courier(order ...*live) *courier.Courier {
	var addresses []settings.Address
	for _, l := range order {
		addresses = append(addresses, settings.Address(l.address))
	}
	pins := s.lives[0].command.Pins()
	servers := dial.List(addresses, func(string) *tls.Config { return pins.ClientTLS() })
	c := courier.New(courier.Config{Servers: servers, Token: s.lives[0].token,
		Pins: pins, Timeout: patience, Log: zerolog.Nop()})
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// manifest is that of a server's volume.
func (l *live) manifest() string {
	l.t.Helper()
	text, err := os.ReadFile(filepath.Join(l.cfg.DataDir, "logs", "manifest.jsonl"))
	check(l.t, err)
	return string(text)
}

// equal waits until all volumes have so many messages, and expects them to be the same.
func (s *several) equal(messages int) {
	s.t.Helper()
	for _, l := range s.lives {
		l.eventually(fmt.Sprint(messages, " messages"), func() bool {
			return strings.Count(l.manifest(), "\n") == messages
		})
		if l.manifest() != s.lives[0].manifest() {
			s.t.Errorf("the manifest of %s is another one", l.cfg.ClusterName)
		}
	}
}

// TestCluster: what one server takes all keep, a sender that is added on one is known to all,
// and a server that was away comes back to the same.
func TestCluster(t *testing.T) {
	t.Parallel()
	s := begun(t, "a", "b", "c")
	s.start()
	a, b, c := s.lives[0], s.lives[1], s.lives[2]
	first := s.courier(a)
	m := text("one")
	was := a.deliver(first, m)
	s.equal(1)
	again := b.deliver(s.courier(b), m)
	if again.Entry != was.Entry {
		t.Errorf("b says %+v, a said %+v", again.Entry, was.Entry)
	}
	s.equal(1)
	c.stop()
	a.deliver(first, text("two"))
	b.deliver(s.courier(b), text("three"))
	c.start()
	c.ready()
	c.deliver(s.courier(c), text("four"))
	s.equal(4)
}
