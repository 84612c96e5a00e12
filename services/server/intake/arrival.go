package intake

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/quota"
	"sealpost/shared/framing"
	"sealpost/shared/message"
)

// arrival is one offer from its verdict to its answer.
type arrival struct {
	s   *session
	ref uint32
	id  message.ID

	name string // as it was offered: 255 bytes at most, not checked

	facts logbook.Facts
	err   error // a refusal's cause; nil: a receipt

	// These are for one that is being committed.
	since    time.Time
	late     *time.Timer
	settled  atomic.Bool
	reserved *quota.Reservation
}

func (s *session) arrival(o framing.Offer) *arrival {
	return &arrival{s: s, ref: o.Ref, id: o.ID, name: o.Name}
}

// kept answers a message that the logbook holds already.
func (a *arrival) kept(facts logbook.Facts) {
	a.facts = facts
	a.s.out.answer(a)
}

// refused answers with a refusal.
func (a *arrival) refused(err error) {
	a.err = err
	a.s.out.answer(a)
}

// commit gives a complete message to the logbook. It is answered with the outcome,
// or as unknown when the limit for a commit has passed.
func (a *arrival) commit(staged logbook.Staged, reserved *quota.Reservation) {
	a.reserved = reserved
	a.s.out.expect()
	a.since = time.Now()
	a.late = time.AfterFunc(a.s.limits.Commit, a.tooLate)
	staged.Commit(a.s.server.ctx, a.settle)
}

func (a *arrival) tooLate() {
	if !a.settled.Swap(true) {
		a.settleWith(logbook.Facts{}, fmt.Errorf("%w: not settled within %v", logbook.ErrUnknown, a.s.limits.Commit))
	}
}

// settle takes the outcome of the commit. Where it is too late for the sender it still
// counts for the quota.
func (a *arrival) settle(facts logbook.Facts, err error) {
	a.s.server.quotas.Settle(a.reserved, facts, err)
	if !a.settled.Swap(true) {
		a.late.Stop()
		a.settleWith(facts, err)
	}
}

func (a *arrival) settleWith(facts logbook.Facts, err error) {
	a.s.server.cfg.Metrics.Commit.Observe(time.Since(a.since).Seconds())
	a.facts, a.err = facts, err
	a.s.out.answerExpected(a)
}

// appendTo makes the answer.
func (a *arrival) appendTo(dst []byte) []byte {
	if a.err == nil {
		text, err := a.s.server.cfg.Book.Receipt(a.s.server.ctx, a.facts)
		if err == nil {
			a.noteKept()
			return framing.AppendReceipt(dst, framing.Receipt{Ref: a.ref, Text: text})
		}
		a.err = fmt.Errorf("receipt: %w", err)
	}
	r := refusalOf(a.err)
	a.noteRefused(r)
	return framing.AppendRefusal(dst, framing.Refusal{Ref: a.ref, Code: r.code, Reason: r.reason})
}

func (a *arrival) noteKept() {
	e := a.facts.Entry
	a.s.server.cfg.Metrics.kept(&a.facts)
	if a.facts.Repeat && !a.s.pass(zerolog.InfoLevel, "message received", "repeat") {
		return // its line was there when it was kept
	}
	a.s.log.Info().Stringer("id", e.ID).Uint64("number", e.Seq).Str("name", message.Visible(e.Name)).
		Str("file", e.File).Uint64("bytes", e.Size).
		Str("cipher", string(e.Cipher)).Bool("repeat", a.facts.Repeat).Msg("message received from " + e.Sender)
}

func (a *arrival) noteRefused(r *refusalError) {
	const what = "message refused"
	a.s.server.cfg.Metrics.refused(a.s.sender, r.code)
	if a.s.pass(zerolog.WarnLevel, what, r.code.String()) {
		a.s.log.Warn().Err(r).Hex("id", a.id[:]).Str("name", message.Visible(a.name)).
			Stringer("code", r.code).Msg(what)
	}
}
