package courier

import (
	"errors"

	"sealpost/shared/framing"
)

// outBuffer is the room for the records that are written at once.
const outBuffer = framing.MaxData + 1<<10

var errAnswered = errors.New("answered before the end of the body")

// sendLarge puts a message on the wire whose body may have to wait for ACCEPT;
// nothing else goes out until its end. The error is a *ReadError, or the session
// has ended.
func (s *session) sendLarge(p *progress, m Message, o framing.Offer) (*call, error) {
	if !s.queue.take(p, 0) {
		<-s.slots // nothing was offered
		return nil, s.interrupted(p)
	}
	defer s.queue.give()
	body, err := m.Open()
	if err != nil {
		<-s.slots
		return nil, &ReadError{m.Name, err}
	}
	defer func() { _ = body.Close() }()
	c := &call{accepted: make(chan struct{}), answered: make(chan struct{})}
	if err := s.begin(&o, c); err != nil {
		return nil, err
	}
	w := &stream{s: s, p: p, c: c, buf: framing.AppendOffer(make([]byte, 0, outBuffer), o)}
	err = w.end(copyBody(w, m, body))
	var read *ReadError
	if err != nil && !errors.As(err, &read) {
		err = s.broken(err)
	}
	return c, err
}

// stream cuts a body into DATA records.
type stream struct {
	s    *session
	p    *progress
	c    *call
	buf  []byte // records not yet queued
	sent uint64 // body bytes in records so far
}

// end sends END; or CANCEL when the bytes that can be read are not those
// declared, or the answer is there already and says the rest.
func (w *stream) end(err error) error {
	end := framing.TypeEnd
	var read *ReadError
	answered := errors.Is(err, errAnswered)
	if errors.As(err, &read) || answered {
		end = framing.TypeCancel
	} else if err != nil {
		return err
	}
	w.buf = framing.Append(w.buf, end, nil)
	if err := w.flush(); err != nil {
		return err
	}
	if answered {
		return nil
	}
	return err
}

// Write makes DATA records of p.
func (w *stream) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		n := min(len(p), framing.MaxData)
		if err := w.allowed(uint64(n)); err != nil {
			return 0, err
		}
		if len(w.buf)+framing.HeaderSize+n > outBuffer {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
		w.buf = append(framing.AppendDataHeader(w.buf, n), p[:n]...)
		w.sent += uint64(n)
		p = p[n:]
	}
	return total, nil
}

// allowed waits for ACCEPT before more than the window is sent.
func (w *stream) allowed(n uint64) error {
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
	case <-w.p.late:
	case <-w.p.ctx.Done():
	}
	return w.s.interrupted(w.p)
}

// flush queues the records that there are.
func (w *stream) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	if !w.s.queue.wait(w.p, len(w.buf)) {
		return w.s.interrupted(w.p)
	}
	w.buf = w.s.queue.swap(move{w.p, w.sent}, w.buf)
	if cap(w.buf) < outBuffer {
		w.buf = make([]byte, 0, outBuffer)
	}
	return nil
}
