// Package stream is the replicated log: entries in one order, kept by a stream of NATS
// JetStream on several nodes. What an entry says is no affair of this package.
//
// Guaranteed:
//
//   - Read gives the entries in the order of their positions, each once, and leaves none
//     out: at one that is missing it ends and says which.
//   - An entry that was acknowledged is kept by a majority of the nodes; on stable
//     storage where these run with sync_interval: always.
//   - A Stream that is open connects again by itself, for ever, and Read goes on.
//
// Not guaranteed:
//
//   - After ErrUnknown, that the entry is there, or that it is not. It may come later.
//   - That a position is never given twice: a stream that was made anew, or whose nodes
//     have lost what they had acknowledged, counts from a smaller one again. An
//     acknowledgement can be that of another entry then. Readers must compare.
//   - That a position is missing on all nodes, or that all have trimmed it: the leader
//     says so, and after damage that can be wrong of it. See GapError and TrimmedError.
package stream

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// Config says where a stream is and who asks for it.
type Config struct {
	URLs      []string    // of the nodes; no others are used, whatever these advertise
	Name      string      // of the stream
	TLS       *tls.Config // nil: as the URLs say
	User      string      // with Password, "": none
	Password  string
	CredsFile string // holds a user's token and seed, "": none
	Client    string // names the connection in the nodes' logs
	Log       zerolog.Logger

	// Heartbeat is how often a node shows Read that it is alive, 500 ms to 30 s; 0: 1 s.
	// Read leaves one that is silent for twice as long.
	Heartbeat time.Duration
	AckWait   time.Duration // for an acknowledgement, then the outcome is unknown; 0: 2 s
	Pending   int           // entries that wait for one at once; 0: 4,096
	Replicas  int           // that Check wants at least; 0: 3
}

func (c Config) withDefaults() Config {
	if c.Heartbeat == 0 {
		c.Heartbeat = time.Second
	}
	if c.AckWait == 0 {
		c.AckWait = 2 * time.Second
	}
	if c.Pending == 0 {
		c.Pending = 4096
	}
	if c.Replicas == 0 {
		c.Replicas = 3
	}
	return c
}

// Stream is a connection to a stream. Its methods may be called at once.
type Stream struct {
	cfg     Config
	conn    *nats.Conn
	js      jetstream.JetStream
	held    jetstream.Stream // as it was at first: with allow_direct set later, Get asks the leader still
	subject string
	acks    *acks
	gap     gap
	company company
}

// Connect tries each node once and looks at the stream. An error is a *ConnectError.
func Connect(ctx context.Context, cfg Config) (*Stream, error) {
	cfg = cfg.withDefaults()
	s := &Stream{cfg: cfg, acks: newAcks(cfg.Pending, cfg.AckWait)}
	var err error
	if s.conn, err = dial(ctx, cfg, s.acks.disconnected); err == nil {
		err = s.open(ctx)
	}
	if err != nil {
		s.Close()
		return nil, &ConnectError{Stream: cfg.Name, Err: err}
	}
	return s, nil
}

func (s *Stream) open(ctx context.Context) (err error) {
	if s.js, err = jetstream.New(s.conn); err != nil {
		return err
	}
	if s.held, err = find(ctx, s.js, s.cfg.Name); err != nil {
		return err
	}
	if s.subject, err = subjectOf(s.held.CachedInfo().Config); err != nil {
		return err
	}
	return s.acks.listen(s.conn, s.cfg.Name)
}

// find looks at a stream. Where there is none the error is ErrNoStream.
func find(ctx context.Context, js jetstream.JetStream, name string) (jetstream.Stream, error) {
	found, err := ask(ctx, brief, func(ctx context.Context) (jetstream.Stream, error) { return js.Stream(ctx, name) })
	if err != nil {
		return nil, named(err, jetstream.ErrStreamNotFound, ErrNoStream)
	}
	return found, nil
}

// Connected reports whether there is a connection to a node now.
func (s *Stream) Connected() bool { return s.conn.IsConnected() }

// Close ends the connection. Reads end with ErrClosed, and the outcomes that are waited
// for are ErrUnknown.
func (s *Stream) Close() {
	if s.conn != nil {
		s.conn.Close()
	}
	s.acks.close()
}

// String names the stream.
func (s *Stream) String() string { return fmt.Sprintf("stream %s", s.cfg.Name) }
