package courier

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/deadline"
	"sealpost/shared/framing"
	"sealpost/shared/message"
)

// session is one connection. Messages go out one after the other; answers come
// in any order and are matched by their offer's number.
type session struct {
	cfg     Config
	conn    *tls.Conn
	in      *framing.Reader
	welcome framing.Welcome

	queue *queue
	slots chan struct{} // a place for each offer without an answer

	mu       sync.Mutex
	nextRef  uint32
	calls    map[uint32]*call
	lastMove time.Time
	stall    *time.Timer
	armed    bool  // stall runs, as it does while calls are under way
	retired  bool  // it ends with the last call
	unsent   error // why a write failed
	err      error
	ended    chan struct{} // closed once err is set
}

// connectTimeout bounds TCP, TLS and the exchange of HELLO and WELCOME together:
// a server that takes longer is as good as down, and is tried again.
const connectTimeout = 15 * time.Second

// dial connects, checks who the server is, and logs in.
func dial(ctx context.Context, cfg Config) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", cfg.Server)
	if err != nil {
		return nil, err
	}
	return open(ctx, cfg, raw)
}

// open begins a session on a connection.
func open(ctx context.Context, cfg Config, raw net.Conn) (*session, error) {
	limit := writeLimit(cfg.Timeout)
	conn := tls.Client(deadline.New(raw, limit), cfg.TLS)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, handshakeError(err, cfg.Timeout == 0)
	}
	s := &session{
		cfg: cfg, conn: conn, in: framing.NewReader(conn),
		calls: make(map[uint32]*call), ended: make(chan struct{}),
	}
	if err := s.login(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	s.slots = make(chan struct{}, s.welcome.MaxInFlight)
	s.stall = time.AfterFunc(cfg.Stall, s.stalled)
	s.stall.Stop()
	s.queue = newQueue(conn, limit, s.ended)
	go s.read()
	go s.write()
	return s, nil
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
		return &Refusal{Of: OfConnection, Reason: err.Error(), Cause: err}
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

// ClosedError is a CLOSE of the server that does not rule out another try.
type ClosedError struct {
	Code   framing.Code
	Reason string
}

func (e *ClosedError) Error() string {
	return fmt.Sprintf("server closed: %s (%s)", message.Visible(e.Reason), e.Code)
}

func closed(payload []byte) error {
	c, err := framing.ParseClose(payload)
	if err != nil {
		return err
	}
	if c.Code.Class() == framing.ClassConnection {
		return &Refusal{Code: c.Code, Of: OfConnection, Reason: c.Reason}
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
			s.fail(lost(err))
			return
		}
	}
}

// write sends what is queued until the connection ends.
func (s *session) write() {
	err := s.queue.run(s.moved)
	if err == nil {
		return
	}
	s.mu.Lock()
	s.unsent = err
	s.mu.Unlock()
	s.hearOut(err)
}

func (s *session) handle(rec framing.Record) error {
	switch rec.Type {
	case framing.TypeAccept:
		ref, err := framing.ParseAccept(rec.Payload)
		if err != nil {
			return err
		}
		return s.accept(ref)
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

// fail ends the session; every call under way ends with err.
func (s *session) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	s.err = err
	if s.unsent != nil {
		s.err = errors.Join(s.unsent, err)
	}
	s.stall.Stop()
	close(s.ended)
	_ = s.conn.Close()
}

// lastWords is how long a session that cannot send any more is read on.
const lastWords = 2 * time.Second

// hearOut ends a session on which nothing more can be sent. The server may have
// said why before it stopped reading, so what it sent is read first.
func (s *session) hearOut(err error) {
	if s.conn.SetReadDeadline(time.Now().Add(lastWords)) != nil {
		s.fail(err)
	}
}

// interrupted returns why a wait of a delivery ended early.
func (s *session) interrupted(p *progress) error {
	if isClosed(s.ended) {
		return s.cause()
	}
	return p.over()
}

func (s *session) alive() bool { return !isClosed(s.ended) }

func (s *session) cause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// close ends the session on the client's own wish.
func (s *session) close() { s.fail(ErrClosed) }
