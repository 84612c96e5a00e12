package courier

import (
	"cmp"
	"context"
	"errors"
	"io"
	"sync"

	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/framing"
	"sealpost/shared/message"
)

// smallBody bounds the bodies that are read before their turn comes. It is the
// size of a TLS record: what is larger gains nothing from sharing one.
const smallBody = 16 << 10

// offerRoom is more than an OFFER takes.
const offerRoom = 256

// records is a writer of records, and of body bytes behind a header of theirs.
type records []byte

func (r *records) Write(p []byte) (int, error) {
	*r = append(*r, p...)
	return len(p), nil
}

var recordBuffers = sync.Pool{New: func() any { return new(records) }}

// send puts one message on the wire. The call is nil where nothing was offered.
// The error is a *ReadError or that of a delivery or session that has ended.
func (s *session) send(p *progress, m Message) (*call, error) {
	o := framing.Offer{ID: m.ID, Cipher: framing.CipherNone, Size: m.Size, SHA256: m.SHA256, Name: m.Name}
	if m.Cipher == message.Cipher2012 {
		o.Cipher, o.EncryptedSize = framing.Cipher2012, cipher2012.EncryptedLen(m.Size)
	}
	// The size first: that of the ciphertext of any size need not fit its type.
	if m.Size <= smallBody && bodySize(o) <= min(smallBody, uint64(s.welcome.Window)) {
		return s.sendSmall(p, m, o)
	}
	return s.sendLarge(p, m, o)
}

// sendSmall puts a message on the wire that waits for nothing, together with
// others. One that cannot be read is not offered. Where one connection is busy
// that saves up to a sixth of the client's processor time.
func (s *session) sendSmall(p *progress, m Message, o framing.Offer) (*call, error) {
	body := recordBuffers.Get().(*records)
	defer recordBuffers.Put(body)
	if err := body.fill(m, o); err != nil {
		return nil, err
	}
	if err := s.queue.Take(p.ctx, len(*body)); err != nil {
		return nil, err
	}
	defer s.queue.Give()
	c, err := s.begin(&o)
	if err == nil {
		s.queue.Add(move{p, bodySize(o)}, framing.AppendOffer(make([]byte, 0, offerRoom), o), *body)
	}
	return c, err
}

// fill makes r the body of m and its END.
func (r *records) fill(m Message, o framing.Offer) error {
	body, err := m.Open()
	if err != nil {
		return &ReadError{m.Name, err}
	}
	defer func() { _ = body.Close() }()
	*r = (*r)[:0]
	if n := bodySize(o); n > 0 {
		*r = framing.AppendDataHeader(*r, int(n))
	}
	if err := copyBody(r, m, body); err != nil {
		return err
	}
	*r = framing.Append(*r, framing.TypeEnd, nil)
	return nil
}

// outBuffer is the room for the records that are written at once.
const outBuffer = framing.MaxData + 1<<10

// sendLarge puts a message on the wire whose body may have to wait for ACCEPT;
// nothing else goes out until its end.
func (s *session) sendLarge(p *progress, m Message, o framing.Offer) (*call, error) {
	if err := s.queue.Take(p.ctx, 0); err != nil {
		return nil, err
	}
	defer s.queue.Give()
	body, err := m.Open()
	if err != nil {
		return nil, &ReadError{m.Name, err}
	}
	defer func() { _ = body.Close() }()
	c, err := s.begin(&o)
	if err != nil {
		return nil, err
	}
	w := &stream{s: s, p: p, c: c, buf: framing.AppendOffer(make([]byte, 0, outBuffer), o)}
	err = w.end(w.copy(m, body))
	if err == nil || errors.As(err, new(*ReadError)) {
		return c, err
	}
	// No other message can follow one that did not go out whole.
	s.hearOut(nil)
	<-s.ctx.Done()
	return c, context.Cause(s.ctx)
}

// stream cuts a body into DATA records.
type stream struct {
	s    *session
	p    *progress
	c    *call
	buf  []byte // records not yet queued
	sent uint64 // the number of the next body byte
}

// copy makes records of the body. Behind the window of one that is not
// enciphered it leaves out what the server has.
func (w *stream) copy(m Message, body io.ReadSeeker) error {
	window := uint64(w.s.welcome.Window)
	if m.Cipher == message.Cipher2012 || m.Size <= window {
		return copyBody(w, m, body)
	}
	from := &source{name: m.Name, body: body, left: m.Size}
	if err := copyBuffered(w, io.LimitReader(from, int64(window))); err != nil {
		return err
	}
	if err := w.awaitAccept(); err != nil {
		return err
	}
	if offset := w.c.offset; offset > window {
		if _, err := body.Seek(int64(offset), io.SeekStart); err != nil {
			return &ReadError{m.Name, err}
		}
		from.left, w.sent = m.Size-offset, offset
	}
	return copyBuffered(w, from)
}

// end sends END; or CANCEL when the bytes that can be read are not those
// declared, or the answer is there already and says the rest.
func (w *stream) end(err error) error {
	end := framing.TypeEnd
	switch {
	case errors.Is(err, errAnswered):
		end, err = framing.TypeCancel, nil
	case errors.As(err, new(*ReadError)):
		end = framing.TypeCancel
	case err != nil:
		return err
	}
	w.buf = framing.Append(w.buf, end, nil)
	return cmp.Or(w.flush(), err)
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
	if w.sent+n > uint64(w.s.welcome.Window) && !isClosed(w.c.accepted) {
		return w.awaitAccept()
	}
	return w.unanswered()
}

// awaitAccept sends what there is, and waits for ACCEPT.
func (w *stream) awaitAccept() error {
	if err := w.flush(); err != nil {
		return err
	}
	select {
	case <-w.c.accepted:
	case <-w.p.ctx.Done():
		return context.Cause(w.p.ctx)
	}
	return w.unanswered()
}

func (w *stream) unanswered() error {
	if isClosed(w.c.answered) {
		return errAnswered
	}
	return nil
}

// flush queues the records that there are.
func (w *stream) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	if err := w.s.queue.Wait(w.p.ctx, len(w.buf)); err != nil {
		return err
	}
	w.buf = w.s.queue.Swap(move{w.p, w.sent}, w.buf)
	if cap(w.buf) < outBuffer {
		w.buf = make([]byte, 0, outBuffer)
	}
	return nil
}
