package collector

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jlaffaye/ftp"
	"github.com/rs/zerolog"

	"sealpost/shared/message"
	"sealpost/shared/panics"
)

// sessionsKept is how many TLS sessions are kept for data connections to
// resume. TLS 1.3 tickets serve once, and a server sends a few at a time.
const sessionsKept = 16

// maxSeconds keeps the time for one transfer within a time.Duration.
const maxSeconds = 1 << 31

// session is a logged-in control connection. It is for one goroutine.
type session struct {
	ftp     *ftp.ServerConn
	guard   *guard
	timeout time.Duration
	minRate int64
	detach  func() bool // from the context that cuts the connections
}

// connect opens a session, trying again where that may help.
func (c *collector) connect(ctx context.Context) (*session, error) {
	n := 0
	return backoff.Retry(ctx, func() (*session, error) {
		n++
		s, err := c.login(ctx)
		if err == nil || ctx.Err() != nil {
			return s, err
		}
		failure := &ConnectError{Addr: c.Addr, Cause: err}
		var certificate *tls.CertificateVerificationError
		failure.Verify = errors.As(err, &certificate)
		failure.Login = hasCode(err, ftp.StatusNotLoggedIn)
		if errors.As(err, new(*dirError)) {
			failure.Dir = c.FTPDir
		}
		if failure.Verify || failure.Login || failure.Dir != "" || n == c.Connects {
			return nil, backoff.Permanent(failure)
		}
		level := zerolog.DebugLevel
		if n == 1 {
			level = zerolog.WarnLevel
		}
		c.Log.WithLevel(level).Str("error", message.Visible(err.Error())).Int("attempt", n).
			Msg("no FTP session, trying again")
		return nil, failure
	}, backoff.WithBackOff(c.pauses()), backoff.WithMaxElapsedTime(0))
}

func (c *collector) login(ctx context.Context) (*session, error) {
	g := &guard{ctx: ctx, timeout: c.Timeout}
	options := []ftp.DialOption{ftp.DialWithDialFunc(g.dial), ftp.DialWithDisabledMLSD(true)}
	if c.TLS != nil {
		g.tls = c.TLS.Clone()
		g.tls.ClientSessionCache = tls.NewLRUClientSessionCache(sessionsKept)
		options = append(options, ftp.DialWithExplicitTLS(g.tls))
	}
	s := &session{guard: g, timeout: c.Timeout, minRate: c.MinRate}
	s.detach = context.AfterFunc(ctx, g.closeAll)
	err := s.open(c.Addr, c.User, c.Password, options...)
	if err == nil && c.FTPDir != "" {
		err = s.enter(c.FTPDir)
	}
	if err != nil {
		s.drop()
		return nil, err
	}
	return s, nil
}

// open dials and logs in.
func (s *session) open(addr, user, password string, options ...ftp.DialOption) (err error) {
	defer s.quote(&err)
	defer panics.ToError(&err, ErrGarbled) // "227 )(" is enough
	s.guard.begin(s.timeout)
	if s.ftp, err = ftp.Dial(addr, options...); err != nil {
		return err
	}
	s.guard.begin(s.timeout)
	return s.ftp.Login(user, password)
}

// enter makes a directory the one of all names that follow. An answer that
// refuses it is a *dirError.
func (s *session) enter(dir string) (err error) {
	defer s.quote(&err)
	defer panics.ToError(&err, ErrGarbled)
	s.guard.begin(s.timeout)
	err = s.ftp.ChangeDir(dir)
	if missing(err) {
		return &dirError{err}
	}
	return err
}

// quit ends the session politely.
func (s *session) quit() {
	s.guard.begin(s.timeout)
	_ = s.ftp.Quit() // nothing depends on the farewell
	s.drop()
}

// drop ends the session, if there is one, at once; nothing more is sent.
func (s *session) drop() {
	if s == nil {
		return
	}
	s.detach()
	s.guard.closeAll()
}

// size asks for the size of a file in bytes (RFC 3659 section 4).
func (s *session) size(name string) (n int64, err error) {
	defer s.quote(&err)
	defer panics.ToError(&err, ErrGarbled)
	s.guard.begin(s.timeout)
	return s.ftp.FileSize(name)
}

// retrieve copies the want bytes of a file from offset on to w. It is nil only
// when exactly so many bytes came and the server then confirmed the end of the
// transfer: on a plain connection a cut looks like an end. A file that goes on
// is errMore, with the bytes written all the same; one that ends early is
// ErrCut. Errors of w are local ones.
func (s *session) retrieve(name string, offset, want int64, w io.Writer) (err error) {
	defer s.quote(&err)
	defer panics.ToError(&err, ErrGarbled)
	s.guard.begin(s.timeout)
	response, err := s.request(name, uint64(offset))
	if err != nil {
		return err
	}
	s.guard.begin(s.timeout + time.Duration(min(want/s.minRate, maxSeconds))*time.Second)
	copyErr := copyExactly(w, response, want)
	s.guard.begin(s.timeout)
	return errors.Join(copyErr, begun(response.Close()))
}

// begun is an error at the end of a transfer. Said there, "no such file" is no word
// about the file, though servers say it: what came of it is worth keeping.
func begun(err error) error {
	if missing(err) {
		return fmt.Errorf("%w: %s", ErrCut, message.Visible(err.Error()))
	}
	return err
}

// request asks for a file from offset on.
func (s *session) request(name string, offset uint64) (r *ftp.Response, err error) {
	defer s.quote(&err)
	defer panics.ToError(&err, ErrGarbled)
	return s.ftp.RetrFrom(name, offset)
}

// quote replaces an error that hides what the server said by its words. It is to be
// deferred.
func (s *session) quote(err *error) {
	if words := s.words(*err); words != nil {
		*err = words
	}
}

func copyExactly(w io.Writer, r io.Reader, want int64) error {
	n, err := io.Copy(localWriter{w}, io.LimitReader(r, want))
	if n < want {
		if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			err = ErrCut
		}
		return err
	}
	// Whether the sender ended TLS properly does not matter when all is there.
	if n, _ := io.ReadFull(r, make([]byte, 1)); n > 0 {
		return errMore
	}
	return nil
}

// localWriter marks what the writer below returns as an error of this machine.
type localWriter struct{ w io.Writer }

func (l localWriter) Write(p []byte) (int, error) {
	n, err := l.w.Write(p)
	return n, local(err)
}
