package courier

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"sealpost/services/client/courier/sendqueue"
	"sealpost/services/client/dial"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/deadline"
	"sealpost/shared/framing"
)

// session is one connection. Messages go out one after the other; answers come
// in any order and are matched by their offer's number. One goroutine reads and
// one writes; the end of ctx, whose cause is the reason, ends both, and answers
// all calls.
type session struct {
	cfg     Config
	target  dial.Target // where it goes
	back    bool        // a way back to a server that is listed before another one
	conn    *tls.Conn
	in      *framing.Reader // for the reading goroutine
	welcome framing.Welcome
	queue   *sendqueue.Queue[move]
	slots   *semaphore.Weighted // one for each offer without an answer
	ctx     context.Context
	end     context.CancelCauseFunc

	mu      sync.Mutex
	nextRef uint32
	calls   map[uint32]*call
	moved   time.Time // when something moved last
	stall   *time.Timer
	retired bool  // it ends with the last call
	kept    bool  // a receipt came
	unsent  error // why a write failed
}

// stallTimeout bounds one write where no Timeout is set.
const stallTimeout = time.Minute

// connectTimeout bounds TCP, TLS and the exchange of HELLO and WELCOME together:
// a server that takes longer is as good as down, and is tried again.
const connectTimeout = 15 * time.Second

// connect makes a connection to one of the servers, checks who that is, and logs in.
// after is where a connection failed a moment ago. passed are the addresses of no use now.
func (c *Courier) connect(
	ctx context.Context, servers []dial.Server, after dial.Target,
) (s *session, passed []dial.Failure, err error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	s, passed, err = dial.First(ctx, servers, dial.Attempt[*session]{
		Open: func(ctx context.Context, t dial.Target) (*session, error) {
			raw, err := t.Connect(ctx)
			if err != nil {
				return nil, err
			}
			return c.open(ctx, t, raw)
		},
		Drop:  func(s *session) { _ = s.conn.Close() },
		After: after,
	})
	if err != nil {
		return nil, passed, unreached(err)
	}
	return s, passed, c.start(s)
}

// open logs in on a connection.
func (c *Courier) open(ctx context.Context, t dial.Target, raw net.Conn) (*session, error) {
	cfg, limit := c.cfg, cmp.Or(c.cfg.Timeout, stallTimeout)
	conn := tls.Client(deadline.New(raw, limit), t.TLS)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, handshakeError(err, cfg.Timeout == 0)
	}
	s := &session{cfg: cfg, target: t, conn: conn, in: framing.NewReader(conn), calls: make(map[uint32]*call)}
	if err := s.login(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	s.queue = sendqueue.New[move](conn, limit)
	s.slots = semaphore.NewWeighted(int64(s.welcome.MaxInFlight))
	return s, nil
}

// start has a session carry messages.
func (c *Courier) start(s *session) error {
	s.ctx, s.end = context.WithCancelCause(c.ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil { // Close does not wait for what begins after it
		_ = s.conn.Close()
		return context.Cause(c.ctx)
	}
	s.mu.Lock() // watchdog uses s.stall
	defer s.mu.Unlock()
	s.stall = time.AfterFunc(s.cfg.Stall, s.watchdog)
	c.running.Add(1)
	context.AfterFunc(s.ctx, func() { defer c.running.Done(); s.ended() })
	c.running.Go(s.read)
	c.running.Go(s.write)
	if s.target.Rank > 0 {
		c.running.Go(func() { c.comeBack(s) })
	}
	return nil
}

// handshakeError tells a server that is not the right one from a bad line. Who
// is patient, trying for ever, waits for a certificate that is out of date to be
// renewed.
func handshakeError(err error, patient bool) error {
	if patient && identity.OutOfDate(err) {
		return err
	}
	var mismatch *identity.MismatchError
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &mismatch) || errors.As(err, &certificate) || errors.Is(err, identity.ErrNoPins) {
		return &RefusalError{Of: OfConnection, Reason: err.Error(), Cause: err}
	}
	return err
}

func (s *session) login(ctx context.Context) error {
	until, _ := ctx.Deadline()
	if err := s.conn.SetDeadline(until); err != nil {
		return err
	}
	// The deadline does not know of a ctx that is cancelled before it.
	defer context.AfterFunc(ctx, func() { _ = s.conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := s.conn.Write(framing.AppendHello(nil, s.cfg.Token.Reveal())); err != nil {
		return err
	}
	rec, err := s.in.Next()
	if err != nil {
		return lost(err)
	}
	switch rec.Type {
	case framing.TypeWelcome:
		s.welcome, err = framing.ParseWelcome(rec.Payload)
	case framing.TypeClose:
		err = closed(rec.Payload)
	default:
		err = framing.Unexpected(rec.Type, "before WELCOME")
	}
	if err != nil {
		return err
	}
	return s.conn.SetDeadline(time.Time{})
}

// lost makes a clean end where none belongs into an error of its own.
func lost(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// closed makes an error of a CLOSE.
func closed(payload []byte) error {
	c, err := framing.ParseClose(payload)
	if err != nil {
		return err
	}
	if c.Code.Class() == framing.ClassConnection {
		return &RefusalError{Code: c.Code, Of: OfConnection, Reason: c.Reason}
	}
	return &ClosedError{c.Code, c.Reason}
}

// read hands answers to their calls until the connection ends.
func (s *session) read() {
	for {
		rec, err := s.in.Next()
		if err == nil {
			err = s.handle(rec)
		}
		if err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.end(errors.Join(s.unsent, lost(err)))
			return
		}
	}
}

// write sends what is queued until the connection ends.
func (s *session) write() {
	if err := s.queue.Run(s.wrote); err != nil {
		s.hearOut(err)
	}
}

// move says how much of a message's body is on its way.
type move struct {
	p     *progress
	bytes uint64
}

// wrote notes what a write has moved.
func (s *session) wrote(moves []move) {
	now := time.Now()
	s.mu.Lock()
	s.moved = now
	s.mu.Unlock()
	for _, m := range moves {
		m.p.reached(m.bytes, now)
	}
}

// watchdog is called by the timer, which is not reset whenever something moves.
// The connection may be silent while no call is under way.
func (s *session) watchdog() {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.cfg.Stall
	if len(s.calls) > 0 {
		left -= time.Since(s.moved)
	}
	switch {
	case left <= 0:
		s.end(ErrStalled)
	case s.ctx.Err() == nil:
		s.stall.Reset(left)
	}
}

// lastWords is how long a session that cannot send any more is read on.
const lastWords = 2 * time.Second

// hearOut ends a session on which nothing more can be sent; unsent is why, where
// a write failed. The server may have said why before it stopped reading, so
// what it sent is read first.
func (s *session) hearOut(unsent error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsent = cmp.Or(s.unsent, unsent)
	_ = s.conn.SetReadDeadline(time.Now().Add(lastWords)) // it fails where the session has ended
}

// took reports whether the server has taken a message.
func (s *session) took() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept
}

// ended lets go all who wait for something of the session.
func (s *session) ended() {
	s.mu.Lock()
	for ref, c := range s.calls {
		c.err = context.Cause(s.ctx)
		s.complete(ref, c)
	}
	s.stall.Stop()
	s.mu.Unlock()
	s.queue.Close()
	_ = s.conn.Close()
}

// retire ends the session once nothing is under way on it.
func (s *session) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
	if len(s.calls) == 0 {
		s.end(errRetired)
	}
}

func (s *session) handle(rec framing.Record) error {
	switch rec.Type {
	case framing.TypeAccept:
		a, err := framing.ParseAccept(rec.Payload)
		if err != nil {
			return err
		}
		return s.accept(a)
	case framing.TypeReceipt:
		r, err := framing.ParseReceipt(rec.Payload)
		if err != nil {
			return err
		}
		return s.answer(r.Ref, r.Text, nil)
	case framing.TypeRefusal:
		r, err := framing.ParseRefusal(rec.Payload)
		if err != nil {
			return err
		}
		return s.answer(r.Ref, nil, &r)
	case framing.TypeClose:
		return closed(rec.Payload)
	default:
		return framing.Unexpected(rec.Type, "after WELCOME")
	}
}
