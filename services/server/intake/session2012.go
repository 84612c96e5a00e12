package intake

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// session2012 is one connection of the 2012 wire: one message, no answer. The
// wire protects nothing: the key travels with the message, nobody proves who
// they are, and a message cut at a block boundary can pass for a whole one.
type session2012 struct {
	server *Server
	conn   net.Conn
	log    zerolog.Logger
	limits Limits
	reads  reads // busy: a byte has come
	in     *paced
	once   sync.Once
}

func newSession2012(server *Server, conn net.Conn, log zerolog.Logger) *session2012 {
	limits := server.cfg.Limits
	s := &session2012{server: server, conn: conn, limits: limits, reads: reads{conn: conn},
		log: log.With().Str("wire", "2012").Logger()}
	s.in = &paced{
		session: s, pace: pace{limits: limits, start: time.Now()},
		limit: cipher2012.EncryptedLen(limits.Message) + framing.KeySize2012,
	}
	return s
}

// run keeps one message. A connection that ends with a reset instead of a
// normal close was refused: the only sign that this wire has room for.
func (s *session2012) run() {
	facts, err := s.message()
	if err != nil {
		s.refuse(err)
		return
	}
	e := facts.Entry
	s.server.cfg.Metrics.kept2012(&facts)
	s.log.Info().Stringer("id", e.ID).Uint64("number", e.Seq).Str("file", e.File).Uint64("bytes", e.Size).
		Msg("message received from " + s.conn.RemoteAddr().String())
	_ = s.conn.Close()
}

func (s *session2012) refuse(err error) {
	defer s.kill()
	if s.in.got == 0 && errors.Is(err, io.ErrUnexpectedEOF) {
		s.log.Debug().Msg("client left")
		return
	}
	s.server.noteClosed(s.conn, s.log, zerolog.WarnLevel, reason2012(err), err)
}

// reason2012 names the reason for the log: the connection was lost, or its message
// was refused.
func reason2012(err error) string {
	var told *closeError
	var network *net.OpError
	switch {
	case errors.As(err, &told):
		return told.code.String()
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network):
		return reasonLost
	}
	return refusalOf(err).code.String()
}

// message spools the text, since this wire declares no size, while it is
// deciphered once for size and digest; then it is deciphered into its log file.
func (s *session2012) message() (logbook.Facts, error) {
	key, err := framing.ReadKey2012(s.in)
	if err != nil {
		return logbook.Facts{}, err
	}
	s.server.noteConnected(s.conn, s.log)
	book := s.server.cfg.Book
	spool, err := newSpool(s.server.ctx, book, cipher2012.EncryptedLen(s.limits.Message))
	if err != nil {
		return logbook.Facts{}, err
	}
	defer func() { _ = spool.Close() }()
	s.in.pace.leastRate = spool.leastRate
	d, err := s.measure(key, spool)
	if err != nil {
		return logbook.Facts{}, err
	}
	staged, err := book.Stage(s.server.ctx, d)
	if err != nil {
		return logbook.Facts{}, err
	}
	defer staged.Discard()
	b := &body2012{staged: staged, key: key, have: framing.KeySize2012}
	if _, err := io.Copy(b, io.NewSectionReader(spool, 0, int64(d.EncryptedSize))); err != nil {
		return logbook.Facts{}, err
	}
	if err := b.end(); err != nil {
		return logbook.Facts{}, err
	}
	ctx, cancel := context.WithTimeout(s.server.ctx, s.limits.Commit)
	defer cancel()
	return logbook.Append(ctx, staged)
}

// measure reads the text to the end of the stream and makes the draft of it.
func (s *session2012) measure(key cipher2012.Key, spool io.Writer) (logbook.Draft, error) {
	count := &counter{digest: sha256.New()}
	opening := cipher2012.NewDecrypter(key, count)
	// The decrypter goes first: what is not base64 ends the connection at once.
	// Clients of HTTP and TLS would otherwise wait for an answer.
	n, err := io.Copy(io.MultiWriter(opening, spool), s.in)
	if err == nil {
		err = opening.Close()
	}
	// The last block holds messages of 32 sizes: the text alone cannot tell.
	if err == nil && count.n > s.limits.Message {
		err = errTooLarge2012
	}
	return logbook.Draft{
		ID: message.NewID(), Sender: message.NoSender, Cipher: message.Cipher2012,
		Size: count.n, EncryptedSize: uint64(n), SHA256: logfile.Digest(count.digest.Sum(nil)),
	}, err
}

type counter struct {
	n      uint64
	digest hash.Hash
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += uint64(len(p))
	return c.digest.Write(p)
}

// paced reads with a deadline on every read and a bound on the whole.
type paced struct {
	session *session2012
	pace    pace
	got     uint64
	limit   uint64
}

func (r *paced) Read(p []byte) (int, error) {
	if err := r.session.reads.until(r.pace.deadline(time.Now(), r.got), r.got > 0); err != nil {
		return 0, err
	}
	n, err := r.session.conn.Read(p)
	if r.got += uint64(n); r.got > r.limit {
		return 0, fmt.Errorf("%w: more than %d bytes", errTooLarge2012, r.limit)
	}
	return n, r.session.reads.timedOut(err, errTooSlow)
}

var errTooLarge2012 = refuse(framing.CodeTooLarge, "larger than the server takes")

// drain lets the one message of this connection finish, if it has begun.
func (s *session2012) drain() { s.reads.drain() }

func (s *session2012) kill() {
	s.once.Do(func() {
		if c, ok := s.conn.(interface{ SetLinger(seconds int) error }); ok {
			_ = c.SetLinger(0) // a reset, not a close
		}
		_ = s.conn.Close()
	})
}
