package courier

import (
	"errors"

	"sealpost/shared/framing"
)

// call is one offer under way.
type call struct {
	accepted chan struct{} // closed by ACCEPT
	answered chan struct{} // closed by an answer
	receipt  []byte
	refusal  *framing.Refusal
}

func (s *session) accept(ref uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.calls[ref]
	if !ok || isClosed(c.accepted) {
		return &framing.Error{Type: framing.TypeAccept, Reason: "for no message that waits for it"}
	}
	s.rearm()
	close(c.accepted)
	return nil
}

// ErrStalled means that a connection with messages under way stayed silent.
var ErrStalled = errors.New("the connection is stalled")

// begin notes a call; from now on the session must move.
func (s *session) begin(ref uint32, c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[ref] = c
	s.rearm()
}

func (s *session) moved() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rearm()
}

// rearm is called with mu held whenever something moved.
func (s *session) rearm() {
	if len(s.calls) > 0 && s.err == nil {
		s.stall.Reset(s.cfg.Stall)
	} else {
		s.stall.Stop()
	}
}

func (s *session) stalled() { s.fail(ErrStalled) }

func (s *session) answer(ref uint32, set func(*call)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.calls[ref]
	if !ok {
		return &framing.Error{Type: framing.TypeReceipt, Reason: "an answer to no message under way"}
	}
	delete(s.calls, ref)
	s.rearm()
	set(c)
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
