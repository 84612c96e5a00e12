package courier

import (
	"errors"
	"time"

	"sealpost/shared/framing"
)

// call is one offer under way.
type call struct {
	accepted chan struct{} // closed by ACCEPT; nil where nobody waits for it
	accept   bool          // ACCEPT came
	answered chan struct{} // closed by an answer
	receipt  []byte
	refusal  *framing.Refusal
}

func (s *session) accept(ref uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.calls[ref]
	if !ok || c.accept {
		return &framing.Error{Type: framing.TypeAccept, Reason: "for no message that waits for it"}
	}
	s.touch()
	c.accept = true
	if c.accepted != nil {
		close(c.accepted)
	}
	return nil
}

// ErrStalled means that a connection with messages under way stayed silent.
var ErrStalled = errors.New("the connection is stalled")

// begin gives an offer its number and notes the call; from now on the session
// must move. It is for the one whose turn it is. The error is that of a session
// that has ended.
func (s *session) begin(o *framing.Offer, c *call) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	o.Ref = s.nextRef
	s.nextRef++
	s.calls[o.Ref] = c
	s.touch()
	return nil
}

// moved notes what a write has moved.
func (s *session) moved(moves []move) {
	s.mu.Lock()
	s.touch()
	at := s.lastMove
	s.mu.Unlock()
	for _, m := range moves {
		m.p.reached(m.bytes, at)
	}
}

// touch is called with mu held whenever something moved. A timer that runs is
// not set anew each time: it looks at the time of the last movement.
func (s *session) touch() {
	s.lastMove = time.Now()
	if !s.armed && len(s.calls) > 0 && s.err == nil {
		s.armed = true
		s.stall.Reset(s.cfg.Stall)
	}
}

// stalled is called by the timer.
func (s *session) stalled() {
	if s.silent() {
		s.fail(ErrStalled)
	}
}

// silent reports whether nothing has moved for too long; if not, it sets the
// timer for the rest of the time, unless nothing is under way.
func (s *session) silent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = len(s.calls) > 0 && s.err == nil
	if !s.armed {
		return false
	}
	left := s.cfg.Stall - time.Since(s.lastMove)
	if left > 0 {
		s.stall.Reset(left)
	}
	return left <= 0
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
	<-s.slots
	if s.retired && len(s.calls) == 0 {
		return errRetired
	}
	return nil
}

// errRetired ends a connection that another one has taken the place of.
var errRetired = errors.New("the server asked to try again later")

// retire ends the session once nothing is under way on it.
func (s *session) retire() {
	s.mu.Lock()
	s.retired = true
	idle := len(s.calls) == 0
	s.mu.Unlock()
	if idle {
		s.fail(errRetired)
	}
}

func isClosed(ch chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
