package courier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// call is one offer under way.
type call struct {
	accepted chan struct{} // closed by ACCEPT, or with answered: nobody need wait for it any more
	furthest uint64        // the offset that ACCEPT may name at most; 0: none
	offset   uint64        // the one that it named; set before accepted is closed
	answered chan struct{} // closed by an answer, or by the end of the session
	receipt  []byte
	refusal  *framing.Refusal
	err      error // why the session ended
}

// deliver sends one message on this session and waits for its answer.
func (s *session) deliver(p *progress, m Message) (Delivery, error) {
	if m.Logbook != "" && m.Logbook != s.welcome.LogbookID {
		return Delivery{}, &LogbookError{Want: m.Logbook, Got: s.welcome.LogbookID}
	}
	if s.slots.Acquire(p.ctx, 1) != nil {
		return Delivery{}, context.Cause(p.ctx)
	}
	c, err := s.send(p, m)
	if c == nil { // nothing was offered; an offer holds the slot until its call is complete
		s.slots.Release(1)
	}
	if err != nil {
		return Delivery{}, err
	}
	select {
	case <-c.answered:
		return s.judge(c, m)
	case <-p.ctx.Done():
		return Delivery{}, context.Cause(p.ctx)
	}
}

// begin gives an offer its number and notes the call; from now on the session
// must move. It is for the one whose turn it is. The error is that of a session
// that has ended.
func (s *session) begin(o *framing.Offer) (*call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return nil, context.Cause(s.ctx)
	}
	c := &call{accepted: make(chan struct{}), answered: make(chan struct{})}
	if o.Cipher == framing.CipherNone {
		c.furthest = o.Size
	}
	o.Ref = s.nextRef
	s.nextRef++
	s.calls[o.Ref] = c
	s.moved = time.Now()
	return c, nil
}

func (s *session) accept(a framing.Accept) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.calls[a.Ref]
	switch {
	case !ok || isClosed(c.accepted):
		return &framing.Error{Type: framing.TypeAccept, Reason: "for no message that waits for it"}
	case a.Offset != 0 && (a.Offset < uint64(s.welcome.Window) || a.Offset > c.furthest):
		return &framing.Error{Type: framing.TypeAccept, Reason: fmt.Sprintf("the message has no offset %d", a.Offset)}
	}
	c.offset = a.Offset
	s.moved = time.Now()
	close(c.accepted)
	return nil
}

// answer hands an offer its answer: a receipt or, where there is one, a refusal.
func (s *session) answer(ref uint32, receipt []byte, refusal *framing.Refusal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.calls[ref]
	if !ok {
		return &framing.Error{Type: framing.TypeReceipt, Reason: "an answer to no message under way"}
	}
	c.receipt, c.refusal = receipt, refusal
	s.kept = s.kept || refusal == nil
	s.complete(ref, c)
	s.moved = time.Now()
	if s.retired && len(s.calls) == 0 {
		return errRetired
	}
	return nil
}

// complete ends a call, and gives its slot back. mu is held.
func (s *session) complete(ref uint32, c *call) {
	delete(s.calls, ref)
	close(c.answered)
	if !isClosed(c.accepted) {
		close(c.accepted)
	}
	s.slots.Release(1)
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// judge turns an answer into a delivery or an error.
func (s *session) judge(c *call, m Message) (Delivery, error) {
	if c.err != nil {
		return Delivery{}, c.err
	}
	if r := c.refusal; r != nil {
		if r.Code.Class() == framing.ClassMessage {
			return Delivery{}, &RefusalError{Code: r.Code, Of: OfMessage, Reason: r.Reason}
		}
		// Any other class, also one that belongs in a CLOSE, loses nothing by waiting.
		return Delivery{}, laterOf(*r, time.Now())
	}
	entry, err := s.check(c.receipt, m)
	if err != nil {
		return Delivery{}, fmt.Errorf("the server's receipt cannot be accepted: %w", err)
	}
	s.cfg.Log.Info().Stringer("id", m.ID).Uint64("number", entry.Seq).Str("name", message.Visible(entry.Name)).
		Str("file", entry.File).Msg("message sent")
	return Delivery{Receipt: c.receipt, Entry: entry}, nil
}

// ended notes what the end of an attempt, which began in a spell, says of the server.
func (c *Courier) ended(spell int, m Message, err error) {
	var later *laterError
	switch {
	case err == nil:
		c.taking.Took(spell, m.Size)
	case !errors.As(err, &later) || !later.ofServer():
	case later.code == framing.CodeNoSpace: // which may be for lack of room for this size alone
		c.taking.PutOff(m.Size, Reason(later))
	default:
		c.taking.PutOff(0, Reason(later))
	}
}

// check accepts a receipt only if a pinned identity signed its tree, for the
// logbook that the server named, the tree has its line at the place that the
// line names, and the line is about this message of this sender.
func (s *session) check(text []byte, m Message) (logfile.Entry, error) {
	opened, err := s.cfg.Receipts.Open(text)
	if err != nil {
		return logfile.Entry{}, err
	}
	e, err := logfile.OfReceipt(opened)
	if err != nil {
		return logfile.Entry{}, err
	}
	if opened.Origin != receipt.Origin(s.welcome.LogbookID) || e.Sender != s.cfg.Token.Sender() ||
		e.ID != m.ID || e.Name != m.Name || e.Cipher != m.Cipher || e.Size != m.Size || e.SHA256 != m.SHA256 {
		return logfile.Entry{}, ErrForeignReceipt
	}
	return e, nil
}
