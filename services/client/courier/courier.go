package courier

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/courier/report"
	"sealpost/services/client/dial"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/token"
	"sealpost/shared/framing"
	"sealpost/shared/message"
)

// Config says where messages go and as whom. Servers, Token and Pins are
// required; with an operator's own certificate a server's TLS checks that, and
// Pins are for the receipts.
type Config struct {
	// Servers are those that have the same logbook, or stand in for each other. A
	// connection goes to the first that takes it. Where that one ends, or takes
	// messages no more for now, the next one is asked under the same id.
	Servers []dial.Server
	Token   token.Token
	Pins    identity.Pins
	Timeout time.Duration // the longest time without progress, retries included; 0: for ever
	// Stall is how long a connection with messages under way may stay silent
	// before it is given up for a new one; 0: two minutes, above the time that a
	// server takes for a commit at most.
	Stall time.Duration
	// Return is the pause before a server that is listed before the one in use is
	// looked for; 0: a minute. Each time it is up to half as long again.
	Return time.Duration
	// Receipts opens the receipts, by the same Pins; nil: one of the Courier's
	// own. Couriers of one process that share it check the signature of a commit
	// once for all of them, rather than once for each connection.
	Receipts *receipt.Verifier
	// Contact is told when the server cannot be reached, with the reason; when
	// that changes; and, with "", when it is reached again. It is called within
	// seconds, one call at a time, and must not call the Courier. May be nil.
	Contact func(reason string)
	// Taking is told when a server that can be reached takes messages no more for
	// now, with the reason; when there is another one; and, with "", when it takes
	// them again. It is called like Contact. May be nil.
	Taking func(reason string)
	Log    zerolog.Logger
}

// Courier delivers messages. Its methods may be called at once.
type Courier struct {
	cfg       Config
	movements *movements
	contact   report.Contact
	taking    report.Taking
	dialing   chan struct{}   // held while a connection is being made
	ctx       context.Context // that of its sessions
	end       context.CancelCauseFunc
	running   sync.WaitGroup // the goroutines of its sessions

	mu      sync.Mutex
	current *session    // the one that messages go out on; it may have ended
	at      string      // the server of the last one; "": there was none
	failed  dial.Target // where a connection failed a moment ago; zero: nowhere
	vain    int         // ways back in a row to a server that took nothing
}

// New returns a Courier; it connects when there is something to deliver.
func New(cfg Config) *Courier {
	cfg.Stall, cfg.Return = cmp.Or(cfg.Stall, 2*time.Minute), cmp.Or(cfg.Return, time.Minute)
	cfg.Receipts = cmp.Or(cfg.Receipts, receipt.NewVerifier(cfg.Pins)) // one for all connections
	c := &Courier{
		cfg: cfg, dialing: make(chan struct{}, 1),
		movements: &movements{limit: cfg.Timeout},
		contact:   report.Contact{Tell: cfg.Contact}, taking: report.Taking{Tell: cfg.Taking},
	}
	c.ctx, c.end = context.WithCancelCause(context.Background())
	return c
}

// Deliver brings m to the server and returns with its receipt. It connects and
// tries again as often as it takes, until Timeout has passed without progress
// or ctx ends. The error is a *RefusalError, a *ReadError, a *LogbookError,
// an *UnknownError or, with m.Postpone or over a quota for longer than Timeout, a
// *PostponedError.
func (c *Courier) Deliver(ctx context.Context, m Message) (Delivery, error) {
	if err := message.CheckName(m.Name); err != nil {
		return Delivery{}, &RefusalError{Code: framing.CodeBadOffer, Of: OfMessage, Reason: err.Error(), Cause: err}
	}
	var delivery Delivery
	tries := &attempts{log: &c.cfg.Log, m: m, timeout: c.cfg.Timeout, others: len(c.cfg.Servers) - 1}
	err := c.retry(ctx, func(p *progress, s *session) (err error) {
		spell := c.taking.Attempt()
		delivery, err = s.deliver(p, m)
		c.ended(spell, m, err)
		if err == nil || lasting(err) || p.ctx.Err() != nil {
			return err
		}
		return tries.failed(err)
	})
	return delivery, final(err, m)
}

// Logbook connects and returns the id of the logbook that the server names.
func (c *Courier) Logbook(ctx context.Context) (string, error) {
	id := ""
	err := c.retry(ctx, func(_ *progress, s *session) error {
		id = s.welcome.LogbookID
		return nil
	})
	return id, final(err, Message{})
}

// session returns the live connection, making one where there is none.
func (c *Courier) session(ctx context.Context) (*session, error) {
	if s, err := c.live(); s != nil || err != nil {
		return s, err
	}
	select {
	case c.dialing <- struct{}{}:
		defer func() { <-c.dialing }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if s, err := c.live(); s != nil || err != nil {
		return s, err // another made one meanwhile
	}
	return c.dial(ctx)
}

// live returns the connection, nil if there is none that is of use.
func (c *Courier) live() (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && c.current.ctx.Err() == nil {
		return c.current, nil
	}
	return nil, context.Cause(c.ctx)
}

// dial makes a connection and tells whether a server can be reached. What
// ends because the delivery does, or because the server is not the right one,
// says nothing of that.
func (c *Courier) dial(ctx context.Context) (*session, error) {
	ended := c.contact.Trying()
	s, passed, err := c.connect(ctx, c.cfg.Servers, c.lastFailed())
	ended()
	switch {
	case err == nil:
		c.use(s, nil, passed, c.contact.Reached())
		return s, nil
	case !lasting(err) && ctx.Err() == nil:
		c.contact.Failed(Reason(err))
	}
	return nil, err
}

// Close ends all connections and returns when they have. Deliveries under way
// end as not known.
func (c *Courier) Close() error {
	c.mu.Lock()
	c.end(ErrClosed)
	c.mu.Unlock()
	c.running.Wait()
	return nil
}
