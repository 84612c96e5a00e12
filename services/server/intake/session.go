package intake

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"sealpost/shared/crypto/token"
	"sealpost/shared/deadline"
	"sealpost/shared/framing"
	"sealpost/shared/logging/trail"
)

// session is one connection of the sealpost wire. One goroutine reads records
// and hands complete messages over; their answers are written by others.
type session struct {
	server *Server
	conn   *tls.Conn
	reads  reads // busy: inside a message
	in     *framing.Reader
	out    *answers
	log    zerolog.Logger
	limits Limits

	sender    string
	tokenHash atomic.Pointer[[32]byte] // nil before HELLO
	nextRef   uint32
	account   *account // nil before HELLO
}

func newSession(server *Server, raw net.Conn, log zerolog.Logger) *session {
	limits := server.cfg.Limits
	conn := tls.Server(deadline.New(raw, limits.Write), server.cfg.TLS)
	s := &session{
		server: server, conn: conn, log: log, limits: limits, reads: reads{conn: conn},
		out: newAnswers(conn, limits),
	}
	s.in = framing.NewReader(&s.reads)
	return s
}

// closeError is a reason to end the connection that its peer is told.
type closeError struct {
	code   framing.Code
	reason string
}

func (e *closeError) Error() string { return e.reason }

var (
	errUnauthenticated = &closeError{framing.CodeUnauthenticated, "no valid token"}
	errTokenRemoved    = &closeError{framing.CodeUnauthenticated, "the token was removed"}
	errShuttingDown    = &closeError{framing.CodeShuttingDown, "the server is stopping"}
	errIdle            = &closeError{framing.CodeIdle, "nothing was sent for too long"}
	errTooSlow         = &closeError{framing.CodeTooSlow, "the message came too slowly"}
)

// run serves the connection to its end.
func (s *session) run() {
	defer func() { _ = s.conn.Close() }()
	err := s.begin()
	for err == nil {
		err = s.message()
	}
	// Answers under way still leave: their messages are kept.
	s.out.awaitWritten(s.server.ctx)
	s.end(err)
	if s.account != nil {
		s.account.close()
	}
}

// begin brings up TLS and learns who the sender is, all within one deadline.
func (s *session) begin() error {
	until := time.Now().Add(s.limits.Handshake)
	if err := s.reads.until(until, false); err != nil {
		return err
	}
	if err := s.conn.SetWriteDeadline(until); err != nil {
		return err
	}
	if err := s.conn.HandshakeContext(s.server.ctx); err != nil {
		return s.reads.timedOut(err, err)
	}
	rec, err := s.in.Next()
	if err != nil {
		return s.reads.timedOut(err, errIdle)
	}
	if rec.Type != framing.TypeHello {
		return framing.Unexpected(rec.Type, "before HELLO")
	}
	if err := s.authenticate(string(rec.Payload)); err != nil {
		return err
	}
	s.server.noteConnected(s.conn, s.log)
	s.out.send(framing.AppendWelcome(nil, framing.Welcome{
		MaxMessage: s.limits.Message, Window: framing.InitialWindow,
		MaxInFlight: uint16(s.limits.InFlight), LogbookID: s.server.cfg.Book.ID(),
	}))
	return nil
}

func (s *session) authenticate(text string) error {
	hash := sha256.Sum256([]byte(text))
	sender, ok := s.server.cfg.Senders.Authenticate(text)
	if !ok {
		s.server.cfg.Metrics.LogInFailures.Inc()
		s.log = trail.Mark(s.log.With(), trail.LogInFailed, s.conn.RemoteAddr().String()).
			Str("claimed", token.Claimed(text)).Logger()
		wait(s.server.accepting, s.server.guard.failed(hostOf(s.conn.RemoteAddr()), time.Now()))
		return errUnauthenticated
	}
	// A removal that is seen from here on finds this session; one that was seen before is asked
	// for. Who looked before the answer would have taken a new token for one that was removed.
	s.tokenHash.Store(&hash)
	s.recheck()
	s.sender = sender
	s.account = s.server.backlog.open(sender)
	s.out.countWith(s.account)
	s.log = s.log.With().Str("sender", sender).Logger()
	if s.server.cfg.Senders.FirstUse(hash) {
		trail.Mark(s.log.Info(), trail.TokenFirstUsed, s.conn.RemoteAddr().String()).Msg("a token is used for the first time")
	}
	return nil
}

// message reads one offer and its body.
func (s *session) message() error {
	if err := s.reads.await(time.Now().Add(s.limits.Idle), false); err != nil {
		return err
	}
	rec, err := s.in.Next()
	if err != nil {
		return s.reads.timedOut(err, errIdle)
	}
	if rec.Type != framing.TypeOffer {
		return framing.Unexpected(rec.Type, "between messages")
	}
	offer, err := framing.ParseOffer(rec.Payload)
	if err != nil {
		return err
	}
	if offer.Ref != s.nextRef {
		return &framing.Error{Type: rec.Type,
			Reason: fmt.Sprintf("its number is %d, the next one is %d", offer.Ref, s.nextRef)}
	}
	s.nextRef++
	if !s.out.offered() {
		return &framing.Error{Type: rec.Type, Reason: fmt.Sprintf("more than %d offers without an answer", s.limits.InFlight)}
	}
	if !s.server.cfg.Senders.StillValid(*s.tokenHash.Load()) {
		return errTokenRemoved
	}
	return s.take(offer)
}

// end tells the peer and the log why the connection ends.
func (s *session) end(err error) {
	if errors.Is(err, io.EOF) {
		s.log.Debug().Msg("client left")
		return
	}
	var told *closeError
	var breach *framing.Error
	switch {
	case errors.As(err, &told):
	case errors.As(err, &breach):
		told = &closeError{framing.CodeProtocol, breach.Error()}
	}
	reason, err := s.reasonOf(err, told)
	if told != nil && s.handshaked() {
		s.out.send(framing.AppendClose(nil, framing.Close{Code: told.code, Reason: told.reason}))
		s.out.awaitWritten(s.server.ctx)
	}
	level := zerolog.WarnLevel
	if told == errShuttingDown || told == errIdle {
		level = zerolog.InfoLevel
	}
	s.server.noteClosed(s.conn, s.log, level, reason, err)
	s.linger(told)
}

// reasonOf names the reason for the log. Where answers could not be written,
// that is the cause, and the failed read its consequence.
func (s *session) reasonOf(err error, told *closeError) (string, error) {
	failure := s.out.failure()
	switch {
	case told == errTokenRemoved: // nobody guesses here, unlike with others of its code
		return reasonTokenRemoved, err
	case told != nil:
		return told.code.String(), err
	case !s.handshaked():
		return reasonHandshake, err
	case errors.Is(failure, os.ErrDeadlineExceeded), failure == errNotTaken:
		return reasonNotTaken, failure
	}
	return reasonLost, err
}

func (s *session) handshaked() bool { return s.conn.ConnectionState().HandshakeComplete }

// linger lets a peer that is still sending read the CLOSE: closing a socket
// with unread bytes resets it, and the reset can overtake what was written.
func (s *session) linger(told *closeError) {
	if told == nil || s.conn.CloseWrite() != nil {
		return
	}
	if s.conn.NetConn().SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		_, _ = io.CopyN(io.Discard, s.conn.NetConn(), lingerBytes)
	}
}

const (
	lingerTime  = 2 * time.Second
	lingerBytes = 4 << 20
)

// drain lets the message under way finish and takes no other.
func (s *session) drain() { s.reads.drain() }

func (s *session) kill() { _ = s.conn.NetConn().Close() }
