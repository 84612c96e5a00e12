package stream

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

const (
	// ahead and aheadBytes bound what a node sends before visit has taken it. More
	// entries bring nothing, and large ones must not fill the memory.
	ahead      = 500
	aheadBytes = 8 << 20
	// forgetAfter is how long the nodes keep a consumer that nobody asks any more.
	forgetAfter = time.Minute
	// quiet and expiry count heartbeats. After quiet without an entry the leader is
	// asked whether there is one; expiry is for a single request to the consumer.
	quiet  = 5
	expiry = 30
)

var (
	errLost   = errors.New("entries were lost on their way")
	errSilent = errors.New("the consumer sends nothing, but there are entries")
)

// follow reads with one consumer, until that fails.
//
// A consumer lives on one node, which the cluster chooses, and sends what that node has:
// it passes over entries that are missing there without a word, and hangs with it.
func (r *reader) follow(ctx context.Context) error {
	if _, err := r.untrimmed(ctx); err != nil {
		return err
	}
	messages, err := r.consume(ctx)
	if err != nil {
		return err
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	for sent := uint64(1); ; sent++ {
		m, err := r.receive(ctx, messages)
		if err != nil {
			return err
		}
		e, number, err := entryOf(m)
		switch {
		case err != nil:
			return err
		case number != sent:
			return errLost
		}
		if err := r.take(ctx, e); err != nil {
			return err
		}
	}
}

// consume makes a consumer that begins with the next entry. It is in one node's memory:
// where the reader is, is known here alone.
func (r *reader) consume(ctx context.Context) (jetstream.MessagesContext, error) {
	cfg := jetstream.ConsumerConfig{
		Name:          nuid.Next(), // of one, however often it is asked for
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.next,
		AckPolicy: jetstream.AckNonePolicy, Replicas: 1, MemoryStorage: true, InactiveThreshold: forgetAfter,
	}
	c, err := ask(ctx, brief, func(ctx context.Context) (jetstream.Consumer, error) {
		return r.held.CreateConsumer(ctx, cfg)
	})
	if err != nil {
		return nil, err
	}
	if at := c.CachedInfo().Cluster; at != nil {
		r.node = at.Leader
	}
	return c.Messages(
		jetstream.PullMaxMessagesWithBytesLimit(ahead, aheadBytes),
		jetstream.PullExpiry(expiry*r.cfg.Heartbeat), jetstream.PullHeartbeat(r.cfg.Heartbeat),
		jetstream.WithMessagesErrOnMissingHeartbeat(true),
	)
}

// receive waits for the consumer's next message.
func (r *reader) receive(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	for {
		m, err := messages.Next(jetstream.NextMaxWait(quiet * r.cfg.Heartbeat))
		if !errors.Is(err, nats.ErrTimeout) {
			return m, err
		}
		info, err := r.untrimmed(ctx)
		if err != nil {
			return nil, err
		}
		if info.Last >= r.next {
			return nil, errSilent
		}
	}
}

// take gives visit an entry, and before it those that the consumer passed over.
func (r *reader) take(ctx context.Context, e Entry) error {
	if e.Position < r.next {
		return nil
	}
	if e.Position > r.next {
		r.cfg.Log.Warn().Str("node", r.node).Uint64("first", r.next).Uint64("last", e.Position-1).
			Msg("a node of the stream passed over entries: asking the leader for them")
	}
	for r.next < e.Position {
		passed, err := r.missing(ctx)
		if err != nil {
			return err
		}
		if err := r.give(passed); err != nil {
			return err
		}
	}
	return r.give(e)
}
