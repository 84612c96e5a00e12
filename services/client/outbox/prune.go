package outbox

import (
	"context"
	"errors"
	"time"

	"sealpost/services/client/outbox/days"
	"sealpost/shared/message"
)

// prune removes what was sent longer than SentKeep ago: at once, and, for a client
// that stays, once a day. It returns what waits for its end, with a client that
// does not stay that of the whole.
func (o *run) prune(ctx context.Context) (wait func()) {
	if o.SentKeep <= 0 {
		return func() {}
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if o.Watch {
			days.PruneDaily(ctx, o.sentPlace, o.SentKeep, o.pruned)
			return
		}
		o.pruned(o.sentPlace().Prune(ctx, time.Now(), o.SentKeep))
	}()
	return func() {
		if o.Watch {
			stop()
		}
		<-ended
		stop()
	}
}

func (o *run) sentPlace() days.Place { return o.place(days.Sent) }

// pruned logs what became of one time. Sending goes on in any case.
func (o *run) pruned(p days.Pruned, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		o.Log.Warn().Err(err).Msg("old sent messages could not be removed")
	}
	for _, day := range p.Kept {
		o.Log.Warn().Str("day", message.Visible(day)).Msg("kept in sent: files without a receipt")
	}
	if p.Days > 0 || p.Messages > 0 {
		o.Log.Info().Int("days", p.Days).Int("messages", p.Messages).Msg("old sent messages removed")
	}
}
