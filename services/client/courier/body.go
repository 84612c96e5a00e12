package courier

import (
	"context"
	"errors"
	"io"
	"time"

	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/framing"
	"sealpost/shared/message"
)

const (
	outBuffer = framing.MaxData + 1<<10
	// stallTimeout bounds one write where no Timeout is set.
	stallTimeout = time.Minute
)

var (
	errAnswered = errors.New("answered before the end of the body")
	errSize     = errors.New("its size is not the one declared")
)

// bodyWriter cuts a body into DATA records. What is small travels together
// with its offer and its end in one write.
type bodyWriter struct {
	s       *session
	p       *progress
	c       *call
	buf     []byte // records not yet written
	sent    uint64 // body bytes in records so far
	lastErr error
}

// bufferFor returns the room for a small message with its offer and end, or for
// as many records as are written at once.
func bufferFor(o framing.Offer) int {
	const around = 1 << 10 // offer, headers, key, end
	return int(min(max(o.Size, o.EncryptedSize)+around, outBuffer))
}

// message sends the body and its END; or CANCEL when the bytes that can be read
// are not those declared, or the answer is there already.
func (w *bodyWriter) message(m Message, body io.Reader) error {
	err := w.body(m, body)
	end := framing.TypeEnd
	var read *ReadError
	if errors.As(err, &read) || errors.Is(err, errAnswered) {
		end = framing.TypeCancel
	} else if err != nil {
		return err
	}
	w.buf = framing.Append(w.buf, end, nil)
	if e := w.flush(); e != nil {
		return e
	}
	return err
}

func (w *bodyWriter) body(m Message, body io.Reader) error {
	var to io.Writer = w
	var sealing io.WriteCloser
	if m.Cipher == message.Cipher2012 {
		if _, err := w.Write(m.Key[:]); err != nil {
			return err
		}
		sealing = cipher2012.NewEncrypter(m.Key, w)
		to = sealing
	}
	// One byte more than declared shows a file that has grown.
	n, err := io.CopyBuffer(to, io.LimitReader(body, int64(m.Size)+1), make([]byte, copyBuffer(m.Size)))
	if w.lastErr != nil {
		return w.lastErr
	}
	if err != nil {
		return &ReadError{m.Name, err}
	}
	if uint64(n) != m.Size {
		return &ReadError{m.Name, errSize}
	}
	if sealing != nil {
		return sealing.Close()
	}
	return nil
}

// copyBuffer is no larger than a record, and than the message needs.
func copyBuffer(size uint64) int { return int(min(size+1, framing.MaxData)) }

// Write makes DATA records of p.
func (w *bodyWriter) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		n := min(len(p), framing.MaxData)
		if w.lastErr = w.allowed(uint64(n)); w.lastErr != nil {
			return 0, w.lastErr
		}
		if len(w.buf)+framing.HeaderSize+n > outBuffer {
			if w.lastErr = w.flush(); w.lastErr != nil {
				return 0, w.lastErr
			}
		}
		w.buf = append(framing.AppendDataHeader(w.buf, n), p[:n]...)
		w.sent += uint64(n)
		p = p[n:]
	}
	return total, nil
}

// allowed waits for ACCEPT before more than the window is sent.
func (w *bodyWriter) allowed(n uint64) error {
	if isClosed(w.c.answered) {
		return errAnswered
	}
	if w.sent+n <= uint64(w.s.welcome.Window) || isClosed(w.c.accepted) {
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	select {
	case <-w.c.accepted:
		return nil
	case <-w.c.answered:
		return errAnswered
	case <-w.s.ended:
		return w.s.cause()
	case <-w.p.late:
		return w.p.over()
	case <-w.p.ctx.Done():
		return w.p.over()
	}
}

func (w *bodyWriter) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	limit := w.s.cfg.Timeout
	if limit <= 0 {
		limit = stallTimeout
	}
	if err := w.s.conn.SetWriteDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	// A cancelled caller must not wait for a peer that takes nothing; who is late
	// had the deadline's time too.
	defer context.AfterFunc(w.p.ctx, func() { _ = w.s.conn.SetWriteDeadline(time.Unix(1, 0)) })()
	if _, err := w.s.conn.Write(w.buf); err != nil {
		return err
	}
	w.buf = w.buf[:0]
	w.p.reached(w.sent, time.Now())
	w.s.moved()
	return nil
}
