package replicated

import (
	"context"

	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/stream"
)

// StreamLog is a Log that a stream of NATS JetStream keeps.
type StreamLog struct{ *stream.Stream }

var _ Log = StreamLog{}

// Publish adds an entry.
func (l StreamLog) Publish(data []byte, done func(position uint64, err error)) {
	if err := l.Stream.Publish(nil, data, done); err != nil {
		done(0, err)
	}
}

// Read gives visit the entries behind a position.
func (l StreamLog) Read(ctx context.Context, behind uint64, visit func(fold.Entry) error) error {
	return l.Stream.Read(ctx, behind, func(e stream.Entry) error { return visit(entryOf(e)) })
}

// Get returns one entry.
func (l StreamLog) Get(ctx context.Context, position uint64) (fold.Entry, error) {
	e, err := l.Stream.Get(ctx, position)
	return entryOf(e), err
}

func entryOf(e stream.Entry) fold.Entry {
	return fold.Entry{Position: e.Position, Time: e.Time, Data: e.Data}
}
