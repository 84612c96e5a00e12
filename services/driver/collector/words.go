package collector

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net/textproto"
	"strings"

	"github.com/jlaffaye/ftp"

	"sealpost/shared/message"
)

// ServerError is what a server said that broke down. vsftpd gives its reason
// after "500 OOPS", and inside TLS in clear, since the process that breaks down
// is not the one that holds the keys. Nothing vouches for such words, and they
// are only shown.
type ServerError struct {
	Line  string // as it came, without its end
	Clear bool   // inside TLS, and not enciphered
	Cause error
}

func (e *ServerError) Error() string {
	if e.Clear {
		return "the server answered in clear inside TLS: " + message.Visible(e.Line)
	}
	return message.Visible(e.Line)
}

// Unwrap returns the error that the words stand for.
func (e *ServerError) Unwrap() error { return e.Cause }

// maxWords is how many bytes of such a line are taken.
const maxWords = 1 << 10

// words returns a *ServerError where err is about such words, else nil.
func (s *session) words(err error) error {
	var reply *textproto.Error
	if errors.As(err, &reply) && reply.Code == ftp.StatusBadCommand && strings.HasPrefix(reply.Msg, "OOPS") {
		return &ServerError{Line: reply.Error(), Cause: err}
	}
	// At the log-in the library hands on the text alone.
	if err != nil && strings.HasPrefix(err.Error(), "OOPS") {
		return &ServerError{Line: err.Error(), Cause: err}
	}
	var record tls.RecordHeaderError
	if !errors.As(err, &record) || s.guard.control == nil {
		return nil
	}
	line := s.guard.control.clear(record.RecordHeader[:])
	if line == "" {
		return nil
	}
	return &ServerError{Line: line, Clear: true, Cause: err}
}

// clear returns the line that begins with start, what TLS took for the header of
// a record; its rest may still be on its way. It is "" where it has none of the
// form of a reply (RFC 959, section 4.2).
func (c *controlConn) clear(start []byte) string {
	at := bytes.LastIndex(c.last, start)
	if at < 0 || start[0] < '1' || start[0] > '6' {
		return ""
	}
	line := bytes.Clone(c.last[at:])
	for piece := make([]byte, maxWords); len(line) < maxWords && bytes.IndexByte(line, '\n') < 0; {
		n, err := c.Read(piece[:maxWords-len(line)])
		line = append(line, piece[:n]...)
		if err != nil {
			break
		}
	}
	line, _, _ = bytes.Cut(line[:min(len(line), maxWords)], []byte("\n"))
	return strings.TrimRight(string(line), "\r")
}
