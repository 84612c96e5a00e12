package courier

import (
	"sync"

	"sealpost/shared/framing"
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

// sendSmall puts a message on the wire that waits for nothing, together with
// others. One that cannot be read is not offered. The error is a *ReadError or
// that of a delivery or session that has ended.
func (s *session) sendSmall(p *progress, m Message, o framing.Offer) (*call, error) {
	body := recordBuffers.Get().(*records)
	defer recordBuffers.Put(body)
	if err := body.fill(m, o); err != nil {
		<-s.slots // nothing was offered
		return nil, err
	}
	if !s.queue.take(p, len(*body)) {
		<-s.slots
		return nil, s.interrupted(p)
	}
	defer s.queue.give()
	c := &call{answered: make(chan struct{})}
	if err := s.begin(&o, c); err != nil {
		return nil, err
	}
	s.queue.add(move{p, bodySize(o)}, framing.AppendOffer(make([]byte, 0, offerRoom), o), *body)
	return c, nil
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
