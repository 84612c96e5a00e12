package intake_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"sealpost/services/server/intake"
	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/state"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/token"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/logfile"
	"sealpost/shared/logging/floods"
)

// patience is how long a test waits for something that must happen. It is no
// measure of anything: only a failing test ever waits so long.
const patience = time.Minute

// options change one part of a server.
type options struct {
	dir     string // of an earlier server; else a new one
	limits  intake.Limits
	proxies []netip.Prefix
	volume  local.Config
	book    func(local.Config) (logbook.Logbook, error)
	listen  func(net.Listener) net.Listener
	senders func(intake.Senders) intake.Senders
	alone   bool // no bystander
	now     func() time.Time
}

// server is a real intake on loopback with a real logbook, state and TLS.
type server struct {
	dir      string
	state    *state.State
	token    token.Token
	intake   *intake.Server
	registry *prometheus.Registry
	logs     *logs
	sums     *floods.Sums
	addr     string // of the sealpost wire
	addr2012 string
	served   chan error // what Serve and Serve2012 return

	bystander *peer // connected before anything else happens
}

func start(t testing.TB, o options) *server {
	t.Helper()
	dir := o.dir
	if dir == "" {
		dir = durabletest.MemoryDir(t) // a busy disk has no part in what is tested here
	}
	st, err := state.Open(filepath.Join(dir, "state"))
	check(t, err)
	s := &server{dir: dir, state: st, registry: prometheus.NewRegistry(), logs: newLogs(), served: make(chan error, 2)}
	s.sums = floods.New(zerolog.New(s.logs), func() time.Time { return time.Time{} }) // one period
	s.token, err = st.AddSender("store-17")
	check(t, err)
	volume := o.volume
	volume.Dir, volume.ID, volume.Notary = dir, st.LogbookID(), st
	if o.book == nil {
		o.book = func(c local.Config) (logbook.Logbook, error) { return local.Open(c) }
	}
	book, err := o.book(volume)
	check(t, err)
	tlsConfig, err := st.Identity().ServerTLS()
	check(t, err)
	var senders intake.Senders = st
	if o.senders != nil {
		senders = o.senders(st)
	}
	s.intake = intake.New(intake.Config{
		TLS: tlsConfig, Book: book, Senders: senders, Days: st, Limits: o.limits, Proxies: o.proxies, Now: o.now,
		Log: zerolog.New(s.logs), Sums: s.sums, Metrics: intake.NewMetrics(s.registry),
	})
	s.addr = s.listen(t, o, s.intake.Serve)
	s.addr2012 = s.listen(t, o, s.intake.Serve2012)
	t.Cleanup(func() { s.stop(t, book) })
	if !o.alone {
		s.bystander = s.connect(t)
	}
	return s
}

func (s *server) listen(t testing.TB, o options, serve func(net.Listener) error) string {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	check(t, err)
	addr := ln.Addr().String()
	if o.listen != nil {
		ln = o.listen(ln)
	}
	go func() { s.served <- serve(ln) }()
	return addr
}

// stop ends the server; every session must end with it.
func (s *server) stop(t testing.TB, book logbook.Logbook) {
	cut, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.intake.Shutdown(cut)
	check(t, book.Close())
	check(t, s.state.Close())
	if got := s.metric(t, "sealpost_connections", ""); got != 0 {
		t.Errorf("%v connections are counted after the end", got)
	}
	_, secret, _ := strings.Cut(strings.TrimPrefix(s.token.Reveal(), token.Prefix), ":")
	if strings.Contains(s.logs.text(), secret) {
		t.Error("the log holds the token")
	}
}

// drained waits until both listeners have been told to stop, and so has every
// session.
func (s *server) drained(t testing.TB) {
	t.Helper()
	for range cap(s.served) {
		if err := receive(t, s.served, "Serve to return"); !errors.Is(err, intake.ErrServerClosed) {
			t.Fatalf("Serve returned %v", err)
		}
	}
}

func (s *server) pins(t testing.TB) identity.Pins {
	t.Helper()
	pins, err := identity.ParsePins(s.state.Identity().VerifierKey(receipt.Origin(s.state.LogbookID())))
	check(t, err)
	return pins
}

// goesOn shows that the server still serves: the bystander's connection, and a
// new one.
func (s *server) goesOn(t testing.TB) {
	t.Helper()
	s.bystander.deliver(plain("bystander.txt", []byte("I was here before.")))
	s.connect(t).deliver(plain("newcomer.txt", []byte("I came afterwards.")))
}

// content returns the message in a log file as the file holds it.
func (s *server) content(t testing.TB, file string) []byte {
	t.Helper()
	raw := s.file(t, file)
	parsed, err := logfile.Parse(bytes.NewReader(raw), int64(len(raw)))
	check(t, err)
	got, err := io.ReadAll(parsed.Plain())
	check(t, err)
	return got
}

func (s *server) file(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.dir, "logs", name))
	check(t, err)
	return raw
}

// files counts the log files, and what lies in staging of messages that are not
// one yet.
func (s *server) files(t testing.TB) (kept, staged int) {
	t.Helper()
	logs, err := os.ReadDir(filepath.Join(s.dir, "logs"))
	check(t, err)
	for _, f := range logs {
		if _, ok := logfile.ParseFileName(f.Name()); ok {
			kept++
		}
	}
	rest, err := filepath.Glob(filepath.Join(s.dir, "staging", "m-*"))
	check(t, err)
	return kept, len(rest)
}

// metric returns a counter or gauge by the value of its one label; a counter
// that was never touched is 0. Labels are joined with a space.
func (s *server) metric(t testing.TB, name, label string) float64 {
	t.Helper()
	families, err := s.registry.Gather()
	check(t, err)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, pair := range m.GetLabel() {
				labels = append(labels, pair.GetValue())
			}
			if family.GetName() == name && strings.Join(labels, " ") == label {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

func (s *server) wantMetric(t testing.TB, name, label string, want float64) {
	t.Helper()
	if got := s.metric(t, name, label); got != want {
		t.Errorf("%s{%s} is %v instead of %v", name, label, got, want)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// receive takes one value, or fails the test when none comes.
func receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}
