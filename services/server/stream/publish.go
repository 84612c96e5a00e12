package stream

import (
	"errors"

	"github.com/nats-io/nats.go"
)

// Publish sends an entry, and returns before the nodes have it. done is called once with
// the outcome, by another goroutine, which it must not hold up: the position, or
// ErrUnknown, or ErrFull. Where Publish returns an error done is never called; then it is
// ErrTooLarge or ErrClosed, and nothing was sent, or ErrUnknown: there is no connection
// now.
//
// While Config.Pending entries wait for their outcomes Publish waits too. Each has its
// own within Config.AckWait.
//
// Header values keep neither line breaks nor white space at their ends. Keys that begin
// with "Nats-" are orders to the nodes. Both slices and maps may be used again once
// Publish returned.
func (s *Stream) Publish(header map[string][]string, data []byte, done func(position uint64, err error)) error {
	id, err := s.acks.expect(done)
	if err != nil {
		return err
	}
	m := &nats.Msg{Subject: s.subject, Reply: s.acks.subject(id), Header: header, Data: data}
	err = s.conn.PublishMsg(m)
	if err == nil || !s.acks.forget(id) {
		return nil // forget: done has got an ErrUnknown meanwhile
	}
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return ErrTooLarge
	case errors.Is(err, nats.ErrConnectionClosed):
		return ErrClosed
	}
	return unknown(err)
}
