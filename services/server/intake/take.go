package intake

import (
	"errors"
	"fmt"
	"io"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/quota"
	"sealpost/shared/framing"
	"sealpost/shared/message"
)

// take judges an offer, takes its body and has it committed. It returns an
// error only when the connection cannot go on; a refused message leaves it in
// step, because the rest of its body is read and dropped.
func (s *session) take(o framing.Offer) error {
	d := draftOf(o, s.sender)
	// First of all: what was kept once keeps its answer, whatever is allowed now.
	facts, known, err := s.server.cfg.Book.Lookup(s.server.ctx, d.Sender, d.ID)
	switch {
	case err != nil:
		return s.refuseUnread(o, err)
	case known:
		if facts, err = facts.Again(d); err != nil {
			return s.refuseUnread(o, err)
		}
		s.arrival(o).kept(facts)
		return s.skip(framing.InitialWindow)
	}
	if err := judge(o, s.limits.Message); err != nil {
		return s.refuseUnread(o, err)
	}
	reserved, err := s.server.quotas.Admit(s.server.accepting, d, s.server.cfg.Senders.Limits(s.sender))
	if err != nil {
		return s.refuseUnread(o, err)
	}
	staged, err := s.server.cfg.Book.Stage(s.server.ctx, d)
	if err != nil {
		reserved.End()
		return s.refuseUnread(o, err)
	}
	return s.receive(o, d, staged, reserved)
}

// refuseUnread answers before the body: the peer sends at most the window of it.
func (s *session) refuseUnread(o framing.Offer, err error) error {
	s.arrival(o).refused(err)
	return s.skip(framing.InitialWindow)
}

// receive takes the body of a staged message.
func (s *session) receive(o framing.Offer, d logbook.Draft, staged logbook.Staged, reserved *quota.Reservation) error {
	want := bodySize(d)
	if want > framing.InitialWindow {
		from := uint64(0)
		if kept := staged.Kept(); kept >= framing.InitialWindow {
			from = kept
			want -= kept - framing.InitialWindow
			s.noteResumed(d, kept)
		}
		s.out.send(framing.AppendAccept(nil, framing.Accept{Ref: o.Ref, Offset: from}))
	}
	got, err := s.readBody(want, newBody(d.Cipher, staged), staged.LeastRate)
	if err == nil {
		s.arrival(o).commit(staged, reserved)
		return nil
	}
	reserved.End()
	var failed *bodyError
	if !errors.As(err, &failed) {
		staged.Suspend()
		return err // the connection's own end
	}
	failed.leave(staged)
	s.arrival(o).refused(failed.cause)
	if failed.ended {
		return nil
	}
	left := uint64(framing.InitialWindow) // in flight before the peer can know
	if want > got {
		left += want - got
	}
	return s.skip(left)
}

// noteResumed notes how much need not come again.
func (s *session) noteResumed(d logbook.Draft, kept uint64) {
	s.server.cfg.Metrics.Resumed.Add(float64(kept - framing.InitialWindow))
	s.log.Info().Stringer("id", d.ID).Str("name", message.Visible(d.Name)).Uint64("offset", kept).
		Uint64("bytes", d.Size).Msg("message resumed")
}

// bodyError is a fault of the message, not of the connection.
type bodyError struct {
	cause error
	ended bool // the body's END or CANCEL has been read
}

func (e *bodyError) Error() string { return e.cause.Error() }

// leave keeps what has come of a message that the logbook cannot take now, and
// drops that of one whose bytes are at fault, or that its sender gave up. With a
// part in it that may be the part's.
func (e *bodyError) leave(staged logbook.Staged) {
	if errors.Is(e.cause, logbook.ErrUnavailable) {
		staged.Suspend()
		return
	}
	if staged.Kept() > 0 && errors.Is(e.cause, logbook.ErrMismatch) {
		e.cause = fmt.Errorf("%w: %s", logbook.ErrSpoiled, e.cause.Error())
	}
	staged.Discard()
}

// readBody reads DATA up to END and writes it to b, which holds room that is to
// be filled at leastRate. got counts the bytes read.
func (s *session) readBody(want uint64, b body, leastRate func() uint64) (got uint64, err error) {
	p := pace{limits: s.limits, start: time.Now(), leastRate: leastRate}
	for {
		rec, err := s.nextInBody(p, got)
		if err != nil {
			return got, err
		}
		switch rec.Type {
		case framing.TypeData:
			got += uint64(len(rec.Payload))
			if got > want {
				return got, &bodyError{cause: sizeMismatch("more than the declared %d bytes", want)}
			}
			if _, err := b.Write(rec.Payload); err != nil {
				return got, &bodyError{cause: err}
			}
		case framing.TypeEnd:
			return got, s.endBody(want, got, b)
		case framing.TypeCancel:
			return got, &bodyError{refuse(framing.CodeCancelled, "cancelled by the client"), true}
		default:
			return got, framing.Unexpected(rec.Type, "inside a message")
		}
	}
}

func (s *session) endBody(want, got uint64, b body) error {
	if got != want {
		return &bodyError{sizeMismatch("%d of the declared %d bytes", got, want), true}
	}
	if err := b.end(); err != nil {
		return &bodyError{err, true}
	}
	return nil
}

func (s *session) nextInBody(p pace, got uint64) (framing.Record, error) {
	now := time.Now()
	deadline := p.deadline(now, got)
	why := errIdle
	if deadline.Before(now.Add(s.limits.Idle)) {
		why = errTooSlow
	}
	if err := s.reads.await(deadline, true); err != nil {
		return framing.Record{}, err
	}
	rec, err := s.in.Next()
	err = s.reads.timedOut(err, why)
	if errors.Is(err, io.EOF) { // a clean end of TLS, in the middle of a message
		err = io.ErrUnexpectedEOF
	}
	return rec, err
}

// skip reads on to the end of a body whose message has its answer already.
func (s *session) skip(limit uint64) error {
	p := pace{limits: s.limits, start: time.Now()}
	for got := uint64(0); ; {
		rec, err := s.nextInBody(p, got)
		if err != nil {
			return err
		}
		switch rec.Type {
		case framing.TypeData:
			if got += uint64(len(rec.Payload)); got > limit {
				return &framing.Error{Type: rec.Type, Reason: "more than the window of a message that was not accepted"}
			}
		case framing.TypeEnd, framing.TypeCancel:
			return nil
		default:
			return framing.Unexpected(rec.Type, "inside a message")
		}
	}
}
