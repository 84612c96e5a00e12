package courier

import (
	"context"
	"fmt"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
)

// call is one offer under way.
type call struct {
	accepted chan struct{} // closed by ACCEPT, or by an answer, after which nobody need wait for it
	answered chan struct{} // closed by an answer
	receipt  []byte
	refusal  *framing.Refusal
}

// deliver sends one message on this session and waits for its answer.
func (s *session) deliver(p *progress, m Message) (Delivery, error) {
	if m.Logbook != "" && m.Logbook != s.welcome.LogbookID {
		return Delivery{}, &LogbookError{Want: m.Logbook, Got: s.welcome.LogbookID}
	}
	ctx, cancel := context.WithCancelCause(p.ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(context.Cause(s.ctx)) })()
	c, err := s.offer(ctx, p, m)
	if err != nil {
		return Delivery{}, err
	}
	select {
	case <-c.answered:
	case <-ctx.Done():
		if !isClosed(c.answered) { // an answer that came before the end counts
			return Delivery{}, context.Cause(ctx)
		}
	}
	return s.judge(c, m)
}

// offer sends a message once there is a slot for it, which its answer gives back.
func (s *session) offer(ctx context.Context, p *progress, m Message) (*call, error) {
	if s.slots.Acquire(ctx, 1) != nil {
		return nil, context.Cause(ctx)
	}
	c, err := s.send(ctx, p, m)
	if c == nil { // nothing was offered
		s.slots.Release(1)
	}
	return c, err
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
	o.Ref = s.nextRef
	s.nextRef++
	s.calls[o.Ref] = c
	s.touch()
	return c, nil
}

func (s *session) accept(ref uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.calls[ref]
	if !ok || isClosed(c.accepted) {
		return &framing.Error{Type: framing.TypeAccept, Reason: "for no message that waits for it"}
	}
	s.touch()
	close(c.accepted)
	return nil
}

// answer settles an offer: with a receipt or, where there is one, a refusal.
func (s *session) answer(ref uint32, receipt []byte, refusal *framing.Refusal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.calls[ref]
	if !ok {
		return &framing.Error{Type: framing.TypeReceipt, Reason: "an answer to no message under way"}
	}
	delete(s.calls, ref)
	s.touch()
	c.receipt, c.refusal = receipt, refusal
	close(c.answered)
	if !isClosed(c.accepted) {
		close(c.accepted)
	}
	s.slots.Release(1)
	if s.retired && len(s.calls) == 0 {
		return errRetired
	}
	return nil
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
	if r := c.refusal; r != nil {
		if r.Code.Class() == framing.ClassMessage {
			return Delivery{}, &Refusal{Code: r.Code, Of: OfMessage, Reason: r.Reason}
		}
		// Any other class, also one that belongs in a CLOSE, loses nothing by waiting.
		return Delivery{}, &laterError{r.Code, r.Reason}
	}
	entry, err := s.check(c.receipt, m)
	if err != nil {
		return Delivery{}, fmt.Errorf("the server's receipt cannot be accepted: %w", err)
	}
	s.cfg.Log.Info().Stringer("id", m.ID).Uint64("number", entry.Seq).Str("file", entry.File).Msg("message sent")
	return Delivery{Receipt: c.receipt, Entry: entry}, nil
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
