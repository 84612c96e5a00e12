package daemon_test

import (
	"crypto/ed25519"
	"crypto/tls"
	"errors"
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
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/state"
	"sealpost/services/server/state/shared"
	"sealpost/services/server/stream/natstest"
	"sealpost/services/server/volumes"
	"sealpost/shared/crypto/token"
	"sealpost/shared/framing"
	"sealpost/shared/numbers"
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
	s := &several{t: t, nodes: natstest.Start(t, natstest.Options{}), key: newKey(t)}
	for _, name := range names {
		s.lives = append(s.lives, s.server(name))
	}
	s.states()
	s.begin(s.lives[0])
	return s
}

func newKey(t *testing.T) shared.Key {
	t.Helper()
	key, err := shared.NewKey()
	check(t, err)
	return key
}

// states makes the state of the first server, and has tests take it for that of all.
func (s *several) states() {
	s.t.Helper()
	first := s.lives[0]
	var err error
	first.command, err = state.Open(first.cfg.StateDir)
	check(s.t, err)
	s.t.Cleanup(func() { check(s.t, first.command.Close()) })
	first.token, err = first.command.AddSender("store-17")
	check(s.t, err)
	for _, l := range s.lives[1:] {
		l.command, l.token = first.command, first.token
	}
}

// begin begins the cluster, with the volumes of one server.
func (s *several) begin(first *live) {
	s.t.Helper()
	_, err := cluster.Begin(s.t.Context(), s.config(first, "admin"), s.beginning(first))
	check(s.t, err)
}

func (s *several) beginning(first *live) cluster.Beginning {
	b := cluster.Beginning{
		DataDir: first.cfg.DataDir, Replicas: 3, MaxBytes: 1 << 30,
		Settings: entry.Settings{Zone: "UTC", ZoneRules: entry.RulesOf(time.UTC), CiphertextMax: 1 << 20},
	}
	for _, l := range s.lives {
		b.Servers = append(b.Servers, l.cfg.ClusterName)
	}
	return b
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

// change makes a change as a command beside one server does.
func (s *several) change(beside *live, do func(*state.State) error) {
	s.t.Helper()
	c, err := cluster.Connect(s.t.Context(), s.config(beside, "server"))
	check(s.t, err)
	defer c.Close()
	check(s.t, c.Change(s.t.Context(), func(dir string) error {
		st, err := state.Open(dir)
		if err != nil {
			return err
		}
		return errors.Join(do(st), st.Close())
	}))
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
	if metrics := c.get("/metrics"); !strings.Contains(metrics, "\nsealpost_cluster_servers 3\n") {
		t.Errorf("the metrics do not tell of three servers:\n%s", metrics)
	}
}

// TestClusterVolumeOfYesterday: a volume that was emptied, or restored from an earlier day,
// comes to what the state volume knows of it by itself.
func TestClusterVolumeOfYesterday(t *testing.T) {
	t.Parallel()
	s := begun(t, "a", "b")
	s.start()
	a, b := s.lives[0], s.lives[1]
	to := s.courier(a)
	a.deliver(to, text("one"))
	s.equal(1)
	b.stop()
	yesterday := filepath.Join(t.TempDir(), "yesterday")
	check(t, os.CopyFS(yesterday, os.DirFS(b.cfg.DataDir)))
	b.start()
	b.ready()
	a.deliver(to, text("two"))
	s.equal(2)
	for _, old := range []string{yesterday, t.TempDir()} {
		b.stop()
		for _, dir := range []string{"logs", "staging"} {
			check(t, os.RemoveAll(filepath.Join(b.cfg.DataDir, dir)))
			if _, err := os.Stat(filepath.Join(old, dir)); err == nil {
				check(t, os.CopyFS(filepath.Join(b.cfg.DataDir, dir), os.DirFS(filepath.Join(old, dir))))
			}
		}
		b.start()
		b.ready()
		s.equal(2)
	}
}

// TestClusterLostLog: nodes that lost what this server has known are not gone on with.
func TestClusterLostLog(t *testing.T) {
	t.Parallel()
	s := begun(t, "a")
	s.start()
	a := s.lives[0]
	to := s.courier(a)
	a.deliver(to, text("one"))
	a.deliver(to, text("two"))
	a.stop()
	id := a.command.LogbookID()
	check(t, s.nodes.JetStream().DeleteStream(t.Context(), cluster.LogName(id)))
	for _, dir := range []string{"logs", "staging"} {
		check(t, os.RemoveAll(filepath.Join(a.cfg.DataDir, dir)))
	}
	checkpoint := filepath.Join(a.cfg.StateDir, "checkpoint")
	known, err := os.ReadFile(checkpoint)
	check(t, err)
	check(t, os.Remove(checkpoint))
	s.begin(a)
	check(t, os.WriteFile(checkpoint, known, 0o600))
	for range 2 { // what is known is not forgotten meanwhile
		a.start()
		a.eventually("the reason", func() bool { return strings.Contains(a.get("/readyz"), "has lost messages") })
		a.stop()
	}
}

// TestClusterAloneMeanwhile: a server that was alone with its volume for a while, and took a
// message, does not go on with the others under other numbers.
func TestClusterAloneMeanwhile(t *testing.T) {
	t.Parallel()
	s := begun(t, "a", "b")
	s.start()
	a, b := s.lives[0], s.lives[1]
	a.deliver(s.courier(a), text("one"))
	s.equal(1)
	b.stop()
	b.cfg.Logbook = "local"
	check(t, cluster.Leave(b.cfg.DataDir, b.cfg.StateDir))
	b.start()
	b.ready()
	b.deliver(s.courier(b), text("alone"))
	b.stop()
	a.deliver(s.courier(a), text("two"))
	b.cfg.Logbook = cluster.OnNATS
	b.start()
	b.eventually("the reason", func() bool {
		return strings.Contains(b.get("/readyz"), "messages that are not in the log")
	})
	a.deliver(s.courier(a), text("three"))
}

// TestClusterBegunElsewhere: a cluster that was begun without the messages of a volume does not
// take that for its own.
func TestClusterBegunElsewhere(t *testing.T) {
	t.Parallel()
	s := &several{t: t, nodes: natstest.Start(t, natstest.Options{}), key: newKey(t)}
	a := s.server("a")
	s.lives = []*live{a}
	s.states()
	a.cfg.Logbook = "local"
	a.start()
	a.deliver(s.courier(a), text("one"))
	a.stop()
	begin := s.beginning(a)
	begin.DataDir = t.TempDir()
	var fork *local.ForkError
	if _, err := cluster.Begin(t.Context(), s.config(a, "admin"), begin); !errors.As(err, &fork) || fork.Have != 0 {
		t.Errorf("without the messages: %v", err)
	}
	check(t, os.Remove(filepath.Join(a.cfg.StateDir, "checkpoint"))) // nobody remembers
	_, err := cluster.Begin(t.Context(), s.config(a, "admin"), begin)
	check(t, err)
	a.cfg.Logbook = cluster.OnNATS
	a.start()
	a.eventually("the reason", func() bool {
		return strings.Contains(a.get("/readyz"), "keeps 1 messages, and the replicated log has 0")
	})
}

// TestClusterImport: a cluster goes on from the messages of a server that had them alone. A
// server without them says what to copy, and has them then.
func TestClusterImport(t *testing.T) {
	t.Parallel()
	s := &several{t: t, nodes: natstest.Start(t, natstest.Options{}), key: newKey(t)}
	a, b := s.server("a"), s.server("b")
	s.lives = []*live{a, b}
	s.states()
	a.cfg.Logbook = "local"
	a.start()
	m := text("one")
	was := a.deliver(s.courier(a), m)
	a.deliver(s.courier(a), text("two"))
	before := filepath.Join(t.TempDir(), "before")
	check(t, copyVolumes(a, before))
	zero := numbers.One(0)
	_, err := volumes.Retire(t.Context(), a.cfg.DataDir, a.command, state.RetireOrder{Range: &zero}, false)
	check(t, err)
	a.stop()
	begin := s.beginning(a)
	if _, err := cluster.Begin(t.Context(), s.config(a, "admin"), begin); !errors.As(err, new(*cluster.MessagesError)) {
		t.Errorf("without a word of the messages: %v", err)
	}
	begin.Import = true
	_, err = cluster.Begin(t.Context(), s.config(a, "admin"), begin)
	check(t, err)
	a.cfg.Logbook = cluster.OnNATS
	a.start()
	a.ready()
	if again := a.deliver(s.courier(a), m); again.Entry != was.Entry {
		t.Errorf("it was %+v, and is %+v", was.Entry, again.Entry)
	}
	a.deliver(s.courier(a), text("three"))
	b.start()
	b.eventually("the reason", func() bool { return strings.Contains(b.get("/readyz"), "copy another server's volume") })
	b.stop()
	b.cfg.DataDir = filepath.Join(before, volumes.CopiedData)
	b.start()
	b.eventually("what was retired", func() bool { return strings.Contains(b.get("/readyz"), "list of retired") })
	b.stop()
	copied := filepath.Join(t.TempDir(), "copy")
	check(t, copyVolumes(a, copied))
	b.cfg.DataDir = filepath.Join(copied, volumes.CopiedData)
	b.start()
	b.ready()
	b.deliver(s.courier(b), text("four"))
	s.equal(4)

	b.stop()
	b.cfg.Logbook = "local" // alone again
	b.start()
	b.eventually("the reason", func() bool { return strings.Contains(b.get("/readyz"), "server cluster leave") })
	b.stop()
	check(t, cluster.Leave(b.cfg.DataDir, b.cfg.StateDir))
	b.start()
	b.ready()
	if again := b.deliver(s.courier(b), m); again.Entry != was.Entry {
		t.Errorf("it was %+v, and is %+v alone", was.Entry, again.Entry)
	}
	b.deliver(s.courier(b), text("five"))
}

func copyVolumes(l *live, to string) error {
	_, err := volumes.Copy(l.t.Context(), l.cfg.DataDir, l.command, to, new(volumes.CopyProgress),
		func(local.Difference) {})
	return err
}

// TestClusterQuota: what a sender may send in a day counts for all servers together.
func TestClusterQuota(t *testing.T) {
	t.Parallel()
	s := begun(t, "a", "b")
	most := uint64(2 * len("about one"))
	s.change(s.lives[1], func(st *state.State) error {
		_, err := st.SetLimits("store-17", state.LimitsChange{BytesPerDay: &most})
		return err
	})
	s.start()
	a, b := s.lives[0], s.lives[1]
	toA, toB := s.courier(a), s.courier(b)
	b.deliver(toB, text("one")) // b has begun to count
	a.deliver(toA, text("two"))
	s.equal(2)
	if _, err := toB.Deliver(t.Context(), text("six")); !errors.As(err, new(*courier.PostponedError)) {
		t.Errorf("b takes one more: %v", err)
	}
}

// TestClusterChange: what a command changes beside one server holds on all.
func TestClusterChange(t *testing.T) {
	t.Parallel()
	s := begun(t, "a", "b")
	s.start()
	a, b := s.lives[0], s.lives[1]
	var next token.Token
	s.change(b, func(st *state.State) (err error) {
		if next, err = st.AddSender("store-18"); err == nil {
			_, err = st.NextIdentity()
		}
		return err
	})
	a.eventually("the token", func() bool { return a.welcomes(next) })
	was := a.command.Identity().Public()
	s.change(b, func(st *state.State) error { return st.SwitchIdentity(0) })
	for _, l := range s.lives {
		l.eventually("the identity", func() bool { return !was.Equal(l.identity()) })
	}
}

// identity is the public key of the certificate that a new connection meets.
func (l *live) identity() ed25519.PublicKey {
	l.t.Helper()
	anyone := l.command.Pins().ClientTLS()
	anyone.VerifyConnection, anyone.VerifyPeerCertificate = nil, nil
	conn, err := tls.Dial("tcp", l.address, anyone)
	check(l.t, err)
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState().PeerCertificates[0].PublicKey.(ed25519.PublicKey)
}

// welcomes reports whether the server takes a token.
func (l *live) welcomes(tok token.Token) bool {
	l.t.Helper()
	conn, err := tls.Dial("tcp", l.address, l.command.Pins().ClientTLS())
	check(l.t, err)
	defer func() { _ = conn.Close() }()
	check(l.t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Write(framing.AppendHello(nil, tok.Reveal()))
	check(l.t, err)
	rec, err := framing.NewReader(conn).Next()
	check(l.t, err)
	return rec.Type == framing.TypeWelcome
}
