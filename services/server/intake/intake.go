// Package intake accepts connections on both wires, opens the messages in them
// and hands them to a logbook. It answers each message once: with a receipt
// when the logbook keeps it, else with a typed refusal.
//
// Every limit is enforced before anything is allocated for it, every wait has
// an end, and bad input closes the one connection that it came on, with a log
// line and a counter. What a peer hears is the class of an error; the cause
// goes to the log.
package intake

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/quota"
	"sealpost/shared/logging/floods"
)

// Senders tells valid tokens from others.
type Senders interface {
	// Authenticate returns the sender of a valid token.
	Authenticate(token string) (sender string, ok bool)
	// StillValid reports whether the token with this SHA-256 is valid now.
	StillValid(hash [32]byte) bool
	// FirstUse reports whether the valid token with this SHA-256 was never used before,
	// and notes that it is now.
	FirstUse(hash [32]byte) bool
	// Limits returns what a sender may send.
	Limits(sender string) quota.Limits
}

// Config is what a Server works with. All fields but Limits, Proxies, Sums and Now are
// required.
type Config struct {
	TLS     *tls.Config
	Book    logbook.Logbook
	Senders Senders
	Days    quota.Record // of the senders' quotas
	Limits  Limits
	Proxies []netip.Prefix // who must say, and is believed, whom a connection is from
	Log     zerolog.Logger
	Sums    *floods.Sums // of what is logged again and again; nil: one of its own, which nobody flushes
	Metrics *Metrics
	Now     func() time.Time // the quotas' clock; nil: time.Now
}

var errTooMany = errors.New("too many connections")

// ErrServerClosed is what Serve returns after Shutdown or Close.
var ErrServerClosed = errors.New("intake: server closed")

// Server runs sessions. Its methods may be called at once.
type Server struct {
	cfg     Config
	gate    *gate
	guard   *guard
	backlog *backlog
	quotas  *quota.Quotas

	ctx        context.Context // ends at Close: nothing waits any longer
	cancel     context.CancelFunc
	accepting  context.Context // ends at Shutdown: nothing new is waited for
	stopAccept context.CancelFunc

	mu        sync.Mutex
	draining  bool
	listeners map[net.Listener]struct{}
	sessions  map[drainer]struct{}
	running   sync.WaitGroup
}

// drainer is a session of either wire.
type drainer interface {
	drain() // no new message; end when nothing is in flight
	kill()
}

// New returns a Server with cfg; limits that are zero get their defaults.
func New(cfg Config) *Server {
	cfg.Limits = cfg.Limits.WithDefaults()
	cfg.Sums = cmp.Or(cfg.Sums, floods.New(cfg.Log, time.Now))
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	ctx, cancel := context.WithCancel(context.Background())
	accepting, stopAccept := context.WithCancel(ctx)
	return &Server{
		cfg: cfg, ctx: ctx, cancel: cancel, accepting: accepting, stopAccept: stopAccept,
		gate:      newGate(cfg.Limits.Connections, cfg.Limits.ConnectionsPerAddress),
		guard:     newGuard(cfg.Limits.LoginDelay),
		backlog:   newBacklog(),
		quotas:    quota.New(cfg.Book, cfg.Days, cfg.Now),
		listeners: make(map[net.Listener]struct{}),
		sessions:  make(map[drainer]struct{}),
	}
}

// Serve runs sessions of the sealpost wire on ln until Shutdown or Close.
func (s *Server) Serve(ln net.Listener) error {
	return s.accept(ln, func(c net.Conn, log zerolog.Logger) runner { return newSession(s, c, log) })
}

// Serve2012 runs sessions of the 2012 wire on ln until Shutdown or Close.
func (s *Server) Serve2012(ln net.Listener) error {
	return s.accept(ln, func(c net.Conn, log zerolog.Logger) runner { return newSession2012(s, c, log) })
}

type runner interface {
	drainer
	run()
}

// opener makes the session of one wire for a connection.
type opener func(net.Conn, zerolog.Logger) runner

func (s *Server) accept(ln net.Listener, open opener) error {
	if !s.track(ln) {
		_ = ln.Close()
		return ErrServerClosed
	}
	defer s.untrack(ln)
	for {
		conn, err := ln.Accept()
		switch {
		case err == nil:
			boundBuffers(conn)
			s.admit(conn, open)
		case s.pauseAfter(err):
		case s.isDraining():
			return ErrServerClosed
		default:
			return err
		}
	}
}

// pauseAfter waits after an Accept that failed for want of file descriptors,
// which end by themselves; other errors are final.
func (s *Server) pauseAfter(err error) bool {
	if !outOfDescriptors(err) {
		return false
	}
	const what = "no connection can be accepted now"
	if s.cfg.Sums.Pass(floods.Event{Level: zerolog.WarnLevel, What: what}) {
		s.cfg.Log.Warn().Err(err).Msg(what)
	}
	return wait(s.accepting, acceptPause)
}

// Kept counts a message that another server took, and the logbook keeps, for its sender's
// quota. What is under way there is not known here.
func (s *Server) Kept(f logbook.Facts) { s.quotas.Settle(nil, f, nil) }

// CountDays has the days of the senders' quotas begin, until ctx ends.
func (s *Server) CountDays(ctx context.Context) { s.quotas.Run(ctx) }

// Shutdown stops accepting, lets messages under way finish and their answers
// leave, and returns when all sessions have ended. When ctx ends first the rest
// is cut off, and ctx's error returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopAccepting()
	ended := make(chan struct{})
	go func() { s.running.Wait(); close(ended) }()
	select {
	case <-ended:
		return s.Close()
	case <-ctx.Done():
		_ = s.Close()
		<-ended
		return ctx.Err()
	}
}

// Close cuts off all sessions at once. What a logbook has taken it still keeps.
func (s *Server) Close() error {
	s.stopAccepting()
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.sessions {
		session.kill()
	}
	return nil
}

func (s *Server) stopAccepting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	s.stopAccept()
	for ln := range s.listeners {
		_ = ln.Close()
	}
	for session := range s.sessions {
		session.drain()
	}
}

func (s *Server) isDraining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

func (s *Server) track(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.listeners[ln] = struct{}{}
	return true
}

func (s *Server) untrack(ln net.Listener) {
	s.mu.Lock()
	delete(s.listeners, ln)
	s.mu.Unlock()
	_ = ln.Close()
}

func (s *Server) add(session drainer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.sessions[session] = struct{}{}
	s.running.Add(1)
	return true
}

// replace puts a session in the place of what came before it on its connection,
// unless the server is draining.
func (s *Server) replace(before, session drainer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	delete(s.sessions, before)
	s.sessions[session] = struct{}{}
	return true
}

func (s *Server) remove(session drainer) {
	s.mu.Lock()
	delete(s.sessions, session)
	s.mu.Unlock()
}

// wait returns true after d, false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
