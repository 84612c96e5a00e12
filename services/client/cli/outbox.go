package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"sealpost/services/client/courier"
	"sealpost/services/client/outbox"
	"sealpost/shared/message"
)

// sendOutbox sends what lies in the outbox.
func (r *runner) sendOutbox(ctx context.Context) error {
	var printing sync.Mutex
	out, err := outbox.Run(ctx, outbox.Config{
		Dir: r.outbox, Sender: r.settings.token.Sender(), Key: r.key(),
		Deliver: r.carrier.Deliver, Logbook: r.carrier.Logbook,
		Watch: r.watch, Yield: r.settings.OutboxYield, Timeout: r.settings.Timeout,
		Settle: r.settings.OutboxSettle, Ignore: r.settings.OutboxIgnore, Log: r.log,
		Sent: func(d courier.Delivery) {
			printing.Lock()
			defer printing.Unlock()
			_ = printSent(r.Streams, d) // Main makes an error of printing the outcome
		},
	})
	r.summarize(out, err)
	switch {
	case err != nil:
		return err
	case len(out.Left) > 0, out.Refused > 0, out.Stopped && !r.watch:
		return &outcomeError{dir: r.outbox, outcome: out}
	}
	return nil
}

// summarize logs what a run did. One that an error ended at once did nothing,
// and the error says all.
func (r *runner) summarize(out outbox.Outcome, err error) {
	text, left := "outbox finished", len(out.Left)
	if err != nil {
		if out.Sent == 0 && out.Refused == 0 {
			return
		}
		text = "outbox not finished"
		// Most of what is left was not come to.
		if n, err := outbox.Waiting(r.outbox, r.settings.OutboxIgnore); err == nil {
			left = n
		}
	}
	r.log.Info().Int("sent", out.Sent).Int("refused", out.Refused).Int("left", left).
		Int("ignored", out.Ignored).Msg(text)
}

// contact logs when the server cannot be reached, when the reason changes, and
// when it is reached again, with how many messages of the outbox wait.
func (r *runner) contact(reason string) {
	event, text := r.log.Info(), "the server is reached again"
	if reason != "" {
		event, text = r.log.Warn().Str("reason", reason), "the server cannot be reached, trying again"
	}
	if r.outbox != "" {
		if n, err := outbox.Waiting(r.outbox, r.settings.OutboxIgnore); err == nil {
			event = event.Int("waiting", n)
		}
	}
	event.Str("server", message.Visible(string(r.settings.Server))).Msg(text)
}

// outcomeError means that the outbox was gone through and not all was well.
type outcomeError struct {
	dir     string
	outcome outbox.Outcome
}

func (e *outcomeError) Error() string {
	var lines []string
	if e.outcome.Stopped {
		lines = append(lines, "stopped before the outbox was empty")
	}
	if n := e.outcome.Refused; n > 0 {
		lines = append(lines, fmt.Sprintf("refused: %d, see %s/refused", n, e.dir))
	}
	for _, left := range e.outcome.Left {
		cause, _, _ := strings.Cut(left.Err.Error(), "\n")
		name := message.Visible(left.Name)
		if left.ID != (message.ID{}) {
			name += " (message id " + left.ID.String() + ")"
		}
		lines = append(lines, name+": "+cause)
	}
	return strings.Join(lines, "\n")
}

// status puts what needs a person before what another run may settle.
func (e *outcomeError) status() int {
	if e.outcome.Refused > 0 {
		return exitRefused
	}
	for _, left := range e.outcome.Left {
		if errors.As(left.Err, new(*courier.ReadError)) || errors.As(left.Err, new(*outbox.RecordError)) ||
			errors.As(left.Err, new(*outbox.ClaimError)) {
			return exitFailed
		}
	}
	return exitUnknown
}

// acceptLogbook makes the outbox know the logbook that the server names.
func (r *runner) acceptLogbook(ctx context.Context) error {
	id, err := r.carrier.Logbook(ctx)
	if err != nil {
		return err
	}
	before, err := outbox.AcceptLogbook(r.outbox, id)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.Out, "%s knows logbook %s now, before: %s\n", r.outbox, id, cmp.Or(before, "none"))
	return err
}
