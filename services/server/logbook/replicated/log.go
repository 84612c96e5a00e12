package replicated

import (
	"context"
	"errors"

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

// outcome is what became of an entry that was published.
type outcome struct {
	at  uint64
	err error
}

// Append adds an entry and waits for its position. After an error it may be there all the same,
// but after stream.ErrFull.
func Append(ctx context.Context, l Log, data []byte) (uint64, error) {
	came := make(chan outcome, 1)
	l.Publish(data, func(at uint64, err error) { came <- outcome{at, err} })
	select {
	case o := <-came:
		return o.at, o.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// errThere ends a reading.
var errThere = errors.New("there")

// ReadTo gives visit the entries behind one position up to another one that is in the log. It
// ends with the error of visit, or as Log.Read does.
func ReadTo(ctx context.Context, l Log, behind, last uint64, visit func(fold.Entry) error) error {
	if behind >= last {
		return nil
	}
	err := l.Read(ctx, behind, func(e fold.Entry) error {
		if err := visit(e); err != nil {
			return err
		}
		if e.Position >= last {
			return errThere
		}
		return nil
	})
	if errors.Is(err, errThere) {
		return nil
	}
	return err
}
