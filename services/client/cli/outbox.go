//go:build unix

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sealpost/services/client/courier"
	"sealpost/services/client/outbox"
	"sealpost/shared/logging/trail"
	"sealpost/shared/message"
)

// sendOutbox sends what lies in the outbox.
func (r *runner) sendOutbox(ctx context.Context) error {
	watched, unwatch, err := r.startWatched(ctx)
	if err != nil {
		return err
	}
	defer unwatch()
	waiting := &waitingCount{waiting: r.waiting}
	sending, stop := r.progress("messages", waiting.count)
	cfg := r.outboxConfig(func(s outbox.Result) {
		watched.settled(s)
		sending.settled.Add(1)
	})
	cfg.Looked = watched.look
	out, err := outbox.Run(ctx, cfg)
	stop()
	for _, left := range out.Left {
		_ = r.report(ofLeft(left))
	}
	r.summarize(out, err)
	switch {
	case err != nil:
		return err
	case len(out.Left) > 0, out.Refused > 0, out.Held > 0, out.Stopped && !r.watch:
		return &outcomeError{dir: r.outbox, outcome: out}
	}
	return nil
}

// outboxConfig is that of a run, or of sending again; settled is told of each message.
func (r *runner) outboxConfig(settled func(outbox.Result)) outbox.Config {
	return outbox.Config{
		Dir: r.outbox, Sender: r.settings.parsedToken.Sender(), Key: r.key(),
		Deliver: r.carrier.Deliver, Logbook: r.carrier.Logbook,
		Watch: r.watch, Yield: r.settings.OutboxYield, Timeout: r.settings.Timeout,
		Settle: r.settings.OutboxSettle, Ignore: r.settings.OutboxIgnore, Recursive: r.settings.OutboxRecursive,
		SentKeep: r.settings.SentKeep, Log: r.log,
		Settled: func(s outbox.Result) {
			settled(s)
			_ = r.report(ofOutbox(s)) // Main makes an error of printing the outcome
		},
	}
}

// ofOutbox is the result of a message that has come to its end.
func ofOutbox(s outbox.Result) result {
	res := result{Outcome: outcomeSent, ID: s.ID.String(), Name: s.Name, Receipt: s.Receipt}
	if s.Refused != "" {
		res.Outcome, res.Reason = outcomeRefused, s.Refused
		return res
	}
	res.sent(s.Delivery)
	return res
}

// ofLeft is the result of a message that stays for a later call.
func ofLeft(left outbox.Left) result {
	res := result{Outcome: outcomeLeft, Name: left.Name, Reason: left.Err.Error()}
	if left.ID != (message.ID{}) {
		res.ID = left.ID.String()
	}
	return res
}

// summarize logs what a run did. One that an error ended at once did nothing,
// and the error says all.
func (r *runner) summarize(out outbox.Outcome, err error) {
	text, left := "outbox finished", len(out.Left)+out.Held
	if err != nil {
		if out.Sent == 0 && out.Refused == 0 {
			return
		}
		text = "outbox not finished"
		// Most of what is left was not come to.
		if n, err := r.waiting(); err == nil {
			left = n
		}
	}
	r.log.Info().Int("sent", out.Sent).Int("refused", out.Refused).Int("left", left).
		Int("ignored", out.Ignored).Msg(text)
}

// waiting counts the messages in the outbox.
func (r *runner) waiting() (int, error) {
	return outbox.Waiting(r.outbox, r.settings.OutboxIgnore, r.settings.OutboxRecursive)
}

// survey looks at each message in the outbox.
func (r *runner) survey() (outbox.Backlog, error) {
	return outbox.Survey(r.outbox, r.settings.OutboxIgnore, r.settings.OutboxRecursive)
}

// outcomeError means that the outbox was gone through and not all was well.
type outcomeError struct {
	dir     string
	again   string // further arguments of the command that goes on
	outcome outbox.Outcome
}

func (e *outcomeError) Error() string {
	var lines []string
	if e.outcome.Stopped {
		lines = append(lines, "stopped before all was sent")
	}
	if n := e.outcome.Refused; n > 0 {
		lines = append(lines, fmt.Sprintf("refused: %d, see %s/refused", n, e.dir))
	}
	if n := e.outcome.Held; n > 0 {
		lines = append(lines, fmt.Sprintf("%d in %s: %v", n, e.dir, e.outcome.HeldBy))
	}
	const most = 20
	for _, left := range e.outcome.Left[:min(len(e.outcome.Left), most)] {
		cause, _, _ := strings.Cut(left.Err.Error(), "\n")
		name := message.Visible(left.Name)
		if left.ID != (message.ID{}) {
			name += " (message id " + left.ID.String() + ")"
		}
		lines = append(lines, name+": "+cause)
	}
	if more := len(e.outcome.Left) - most; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// status puts what needs a person before what another run may settle.
func (e *outcomeError) status() int {
	refused := func(l outbox.Left) bool { return errors.As(l.Err, new(*courier.RefusalError)) }
	if e.outcome.Refused > 0 || slices.ContainsFunc(e.outcome.Left, refused) {
		return exitRefused
	}
	for _, left := range e.outcome.Left {
		if errors.As(left.Err, new(*courier.ReadError)) || errors.As(left.Err, new(*outbox.RecordError)) ||
			errors.As(left.Err, new(*outbox.ClaimError)) || errors.Is(left.Err, outbox.ErrNoReceipt) ||
			errors.Is(left.Err, outbox.ErrNotAsSent) {
			return exitFailed
		}
	}
	return exitUnknown
}

func (e *outcomeError) hint() string {
	for _, left := range e.outcome.Left {
		switch {
		case errors.Is(left.Err, outbox.ErrNoPassword):
			return "set CLIENT_PASSWORD"
		case errors.As(left.Err, new(*outbox.ForeignError)):
			return "a client with that sender's token sends it"
		}
	}
	if len(e.outcome.Left) > 0 || e.outcome.Held > 0 || e.outcome.Stopped {
		return "client -outbox " + quote(e.dir) + e.again + " goes on under the same ids"
	}
	return "the .reason beside each says what to change; to send one again, move it from there into the outbox"
}

// outboxStatus returns the exit status for an error that may be the outbox's.
func outboxStatus(err error) int {
	var outcome *outcomeError
	switch {
	case errors.As(err, &outcome):
		return outcome.status()
	case errors.As(err, new(*outbox.DirError)):
		return exitUsage
	case errors.As(err, new(*outbox.LogbookError)):
		return exitRefused
	}
	return exitFailed
}

// outboxHint is the likely remedy for an error of the outbox, "" for any other.
func outboxHint(err error) string {
	var outcome *outcomeError
	var book *outbox.LogbookError
	switch {
	case errors.As(err, &outcome):
		return outcome.hint()
	case errors.As(err, &book):
		return "if the server has a new logbook on purpose: client -outbox " + quote(book.Dir) + " -accept-logbook"
	case errors.As(err, new(*outbox.DirError)):
		return "messages move by rename: .sending, sent and refused are real directories in the outbox, " +
			"on its file system, and writable; to keep all of it elsewhere, link to the outbox itself"
	}
	return ""
}

// resend sends again what was sent from the outbox.
func (r *runner) resend(ctx context.Context) error {
	out, err := outbox.Resend(ctx, r.outboxConfig(func(outbox.Result) {}), r.resendSince)
	for _, left := range out.Left {
		_ = r.report(ofLeft(left))
	}
	r.log.Info().Int("sent", out.Sent).Int("receipts", out.Renewed).Int("left", len(out.Left)).
		Msg("what was sent is sent again; receipts that now say something else are new")
	if err == nil && (len(out.Left) > 0 || out.Stopped) {
		again := " -resend-since " + r.resendSince.Format(time.RFC3339)
		err = &outcomeError{dir: r.outbox, again: again, outcome: out}
	}
	return err
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
	trail.Mark(r.log.Info(), trail.OutboxLogbookAccepted, trail.ByUser()).Str("outbox", message.Visible(r.outbox)).
		Str("logbook", id).Str("before", cmp.Or(message.Visible(before), "none")).Msg("the outbox knows another logbook")
	if r.quiet {
		return nil
	}
	_, err = fmt.Fprintf(r.Out, "%s knows logbook %s now, before: %s\n", r.outbox, id, cmp.Or(before, "none"))
	return err
}
