package courier

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/token"
	"sealpost/shared/framing"
	"sealpost/shared/message"
)

// Config says where messages go and as whom. Server, TLS, Token and Pins are
// required; with an operator's own certificate TLS checks that, and Pins are
// for the receipts.
type Config struct {
	Server  string // host:port
	TLS     *tls.Config
	Token   token.Token
	Pins    identity.Pins
	Timeout time.Duration // the longest time without progress, retries included; 0: for ever
	// Stall is how long a connection with messages under way may stay silent
	// before it is given up for a new one; 0: two minutes, above the time that a
	// server takes for a commit at most.
	Stall time.Duration
	// Receipts opens the receipts, by the same Pins; nil: one of the Courier's
	// own. Couriers of one process that share it check the signature of a commit
	// once for all of them, rather than once for each connection.
	Receipts *receipt.Verifier
	// Contact is told when the server cannot be reached, with the reason; when
	// that changes; and, with "", when it is reached again. It is called within
	// seconds, one call at a time, and must not call the Courier. May be nil.
	Contact func(reason string)
	Log     zerolog.Logger
}

// Courier delivers messages. Its methods may be called at once.
type Courier struct {
	cfg Config

	moving  *progresses
	contact *contact
	dialing chan struct{} // held while a connection is being made
	mu      sync.Mutex
	current *session
	closed  bool
}

// ErrClosed is the cause of what Deliver returns after Close.
var ErrClosed = errors.New("courier closed")

// New returns a Courier; it connects when there is something to deliver.
func New(cfg Config) *Courier {
	if cfg.Stall == 0 {
		cfg.Stall = 2 * time.Minute
	}
	if cfg.Receipts == nil {
		cfg.Receipts = receipt.NewVerifier(cfg.Pins) // for all connections: a commit's receipts share a signature
	}
	return &Courier{
		cfg: cfg, dialing: make(chan struct{}, 1),
		moving: newProgresses(cfg.Timeout), contact: &contact{tell: cfg.Contact},
	}
}

const (
	firstPause = 50 * time.Millisecond
	maxPause   = 5 * time.Second
)

// Deliver brings m to the server and returns with its receipt. It connects and
// tries again as often as it takes, until Timeout has passed without progress
// or ctx ends. The error is a *Refusal, a *ReadError, a *LogbookError,
// an *UnknownError or, with m.Postpone, a *PostponedError.
func (c *Courier) Deliver(ctx context.Context, m Message) (Delivery, error) {
	if err := message.CheckName(m.Name); err != nil {
		return Delivery{}, &Refusal{Code: framing.CodeBadOffer, Of: OfMessage, Reason: err.Error(), Cause: err}
	}
	p := c.moving.begin(ctx)
	defer p.stop()
	var delivery Delivery
	tries := &attempts{c: c, m: m}
	err := c.retry(p, func(s *session) (err error) {
		delivery, err = s.deliver(p, m)
		if err == nil || lasting(err) || p.over() != nil {
			return err
		}
		return cmp.Or(tries.failed(err), err)
	})
	return delivery, final(err, m)
}

// Logbook connects and returns the id of the logbook that the server names.
func (c *Courier) Logbook(ctx context.Context) (string, error) {
	p := c.moving.begin(ctx)
	defer p.stop()
	id := ""
	err := c.retry(p, func(s *session) error {
		id = s.welcome.LogbookID
		return nil
	})
	return id, final(err, Message{})
}

// final makes the error of a whole delivery from that of its last attempt.
func final(err error, m Message) error {
	if err == nil || conclusive(err) || errors.As(err, new(*PostponedError)) {
		return err
	}
	return &UnknownError{ID: m.ID, Cause: err}
}

// retry calls do with a live session until it succeeds, fails for good, or
// nothing has moved for too long.
func (c *Courier) retry(p *progress, do func(*session) error) error {
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		s, err := c.session(p)
		if err == nil {
			err = do(s)
		}
		if err == nil || lasting(err) {
			c.leave(s, err)
			return err
		}
		if over := p.over(); over != nil {
			return errors.Join(over, err)
		}
		c.leave(s, err)
		c.cfg.Log.Debug().Err(err).Dur("pause", pause).Msg("trying again")
		// Half the pause is random, so that many clients do not come as one.
		if !p.pause(pause/2 + rand.N(pause/2)) {
			return errors.Join(p.over(), err)
		}
	}
}

// leave gives up a connection to a server that asks to try again later: behind
// the same name there may be another one that is ready, as when several share a
// volume.
func (c *Courier) leave(s *session, err error) {
	var later *laterError
	if !errors.As(err, &later) || errors.As(err, new(*PostponedError)) && later.code == framing.CodeNoSpace {
		return // a lack of room is about this message: smaller ones go on here
	}
	c.mu.Lock()
	if c.current == s {
		c.current = nil
	}
	c.mu.Unlock()
	s.retire()
}

// lasting reports whether an error will be the same next time.
func lasting(err error) bool {
	return conclusive(err) || errors.As(err, new(*PostponedError)) || errors.Is(err, ErrClosed)
}

// conclusive errors say for certain that the message was not kept by this call.
func conclusive(err error) bool {
	var refusal *Refusal
	var read *ReadError
	var logbook *LogbookError
	return errors.As(err, &refusal) || errors.As(err, &read) || errors.As(err, &logbook)
}

// session returns the live connection, making one where there is none.
func (c *Courier) session(p *progress) (*session, error) {
	if s, err := c.live(); s != nil || err != nil {
		return s, err
	}
	select {
	case c.dialing <- struct{}{}:
		defer func() { <-c.dialing }()
	case <-p.late:
		return nil, p.over()
	case <-p.ctx.Done():
		return nil, p.over()
	}
	if s, err := c.live(); s != nil || err != nil {
		return s, err // another made one meanwhile
	}
	s, err := c.dial(p)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		s.close()
		return nil, ErrClosed
	}
	c.current = s
	return s, nil
}

// dial makes a connection and tells whether the server can be reached. What
// ends because the delivery does, or because the server is not the right one,
// says nothing of that.
func (c *Courier) dial(p *progress) (*session, error) {
	ctx, cancel := p.context()
	defer cancel(nil)
	ended := c.contact.trying()
	s, err := dial(ctx, c.cfg)
	ended()
	if err != nil && (lasting(err) || p.over() != nil) {
		return nil, err
	}
	level := zerolog.DebugLevel // one connection after another is no news
	if c.contact.tried(err) {
		level = zerolog.InfoLevel
	}
	if err == nil {
		c.cfg.Log.WithLevel(level).Str("server", c.cfg.Server).Str("logbook", s.welcome.LogbookID).Msg("connected to server")
	}
	return s, err
}

// live returns the connection, nil if there is none that is of use.
func (c *Courier) live() (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	if c.current != nil && c.current.alive() {
		return c.current, nil
	}
	return nil, nil
}

// Close ends the connection. Deliveries under way end as not known.
func (c *Courier) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.current != nil {
		c.current.close()
	}
	return nil
}
