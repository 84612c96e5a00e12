package stream

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Entry is what has a position in the stream.
type Entry struct {
	Position uint64              // from 1
	Time     time.Time           // when the leader took it, in UTC; the same at each reading
	Header   map[string][]string // nil: none
	Data     []byte
}

// Get returns the entry at a position, as the leader has it. Without one the error is
// ErrNotFound.
func (s *Stream) Get(ctx context.Context, position uint64) (Entry, error) {
	m, err := ask(ctx, forLarge, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return s.held.GetMsg(ctx, position)
	})
	if err != nil {
		return Entry{}, named(err, jetstream.ErrMsgNotFound, ErrNotFound)
	}
	return Entry{m.Sequence, m.Time.UTC(), m.Header, m.Data}, nil
}

// entryOf returns the entry of a consumer's message, and which it is of those that the
// consumer sent, from 1.
func entryOf(m jetstream.Msg) (e Entry, sent uint64, err error) {
	about, err := m.Metadata()
	if err != nil {
		return e, 0, err
	}
	return Entry{about.Sequence.Stream, about.Timestamp.UTC(), m.Headers(), m.Data()}, about.Sequence.Consumer, nil
}
