package outbox

import (
	"context"
	"errors"

	"sealpost/services/client/courier"
	"sealpost/services/client/outbox/group"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/message"
)

// storageError means that the outbox itself could not be written.
type storageError struct{ cause error }

func (e storageError) Error() string { return e.cause.Error() }
func (e storageError) Unwrap() error { return e.cause }

// result is what became of one message of a group.
type result struct {
	*group.Message
	delivery courier.Delivery
	err      error
	skipped  bool // not tried: the run ends
}

// send brings the messages of a group as far as they go: to sent, to refused, or to
// a stop where they are.
func (o *run) send(ctx, until context.Context, g *group.Group) {
	putOff, _ := o.later.state(thing{group: g.ID})
	s := &sending{run: o, group: g, again: putOff, results: make(chan result, g.Len())}
	logbook, err := s.prepare(until)
	if err != nil {
		s.stop(err)
		return
	}
	o.inFlight.Go(func() { s.offer(ctx, until, logbook) })
	for n := 0; n < len(g.Messages); {
		batch := s.collect(len(g.Messages) - n)
		n += len(batch)
		s.end(batch)
	}
	s.close()
}

// sending is one group on its way.
type sending struct {
	*run
	group   *group.Group
	again   bool // it was put off before
	results chan result
	left    []Left // those that cannot go now
	stays   bool   // not all have ended
	never   bool   // none of those left is tried again in this run
	failing bool   // the outbox could not be written: nothing more is done
}

// prepare makes all durable that must be before the first offer, and makes sure, at
// the last point where nothing has happened yet, that the receipts can be kept.
func (s *sending) prepare(ctx context.Context) (logbook string, err error) {
	cipher := message.None
	if s.Key != nil {
		cipher = message.Cipher2012
	}
	if err := s.anchor(ctx, cipher); err != nil {
		return "", err
	}
	if logbook, err = s.checkLogbook(ctx); err != nil {
		return "", err
	}
	if err := s.box.Intact(); err != nil {
		return "", storageError{err}
	}
	return logbook, nil
}

// anchor measures the messages and makes them durable, and their records.
func (s *sending) anchor(ctx context.Context, cipher message.Cipher) error {
	end, err := s.mayOpen(ctx, s.group.Len())
	if err != nil {
		return err
	}
	defer end()
	if err := s.group.Describe(s.Sender, cipher); err != nil {
		return err
	}
	if err := s.group.Anchor(s.flusher); err != nil {
		return storageError{err}
	}
	return nil
}

// offer has the messages delivered, as many at once as there are slots. Each has a
// result. Of a group that was put off before each message first goes alone, and more
// together while all goes well: a message under which connections end must not take
// the same others down with it each time. So it is where the sender was over its quota:
// what is offered beyond that comes back.
func (s *sending) offer(ctx, until context.Context, logbook string) {
	limit, flying, ended := 1, 0, make(chan bool, len(s.group.Messages))
	alone := s.again || s.over.last() != nil
	if !s.again {
		s.turn <- struct{}{} // who has it waits for slots alone
		defer func() { <-s.turn }()
	}
	for _, m := range s.group.Messages {
		if m.Err != nil {
			s.results <- result{Message: m, err: sourceError(m)}
			continue
		}
		for ; alone && flying >= limit; flying-- {
			if limit *= 2; !<-ended {
				limit = 1
			}
		}
		if !s.slot(ctx) {
			s.results <- result{Message: m, skipped: true}
			continue
		}
		flying++
		s.inFlight.Go(func() {
			r := s.deliver(until, m, logbook)
			<-s.slots
			ended <- r.err == nil
			s.results <- r
		})
	}
}

// slot waits until one more message may be in flight. false means that the run ends.
func (o *run) slot(ctx context.Context) bool {
	select {
	case o.slots <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	if ctx.Err() != nil || o.isHalted() {
		<-o.slots
		return false
	}
	return true
}

// sourceError is why a message is not offered.
func sourceError(m *group.Message) error {
	if errors.As(m.Err, new(*group.UnfitError)) || errors.Is(m.Err, ErrNoPassword) {
		return m.Err
	}
	return &courier.ReadError{Name: m.Name, Cause: m.Err}
}

func (s *sending) deliver(ctx context.Context, m *group.Message, logbook string) result {
	if held := s.over.holds(m.Size); held != nil {
		return result{Message: m, err: &courier.PostponedError{
			ID: m.ID, Reason: held.Reason, Until: held.Until, Cause: held.Cause}}
	}
	sentBefore := s.sentSoFar()
	d, err := s.Deliver(ctx, s.message(m, logbook))
	s.over.note(m.Size, err)
	if errors.As(err, new(*courier.ReadError)) {
		if changed := m.Reread(); changed != nil {
			err = changed
		}
	}
	if err == nil {
		s.step("delivered")
	}
	if isUnknown(err) {
		err = s.unknown(m.ID, sentBefore, err)
	}
	return result{Message: m, delivery: d, err: err}
}

func (s *sending) message(m *group.Message, logbook string) courier.Message {
	var key cipher2012.Key
	if m.Cipher == message.Cipher2012 {
		key = *s.Key
	}
	return courier.Message{
		ID: m.ID, Name: m.Name, Cipher: m.Cipher, Key: key, Size: m.Size, SHA256: m.SHA256,
		Logbook:  logbook, // it may be another one after a reconnection
		Postpone: true,    // others may go
		Open:     m.Open,
	}
}

// isUnknown reports whether nothing is known of a message after an error.
func isUnknown(err error) bool {
	switch {
	case err == nil, errors.As(err, new(*courier.RefusalError)), errors.As(err, new(*courier.LogbookError)),
		errors.As(err, new(*courier.ReadError)), errors.As(err, new(*courier.PostponedError)),
		errors.As(err, new(*group.UnfitError)), errors.As(err, new(*ForeignError)),
		errors.As(err, new(*LogbookError)), errors.As(err, new(storageError)):
		return false
	}
	return true
}

// unknown makes an error of a message whose fate is not known. Where nothing else
// came through meanwhile the server is away, and starting more would only wait once
// more for each.
func (o *run) unknown(id message.ID, sentBefore int, cause error) error {
	var typed *courier.UnknownError
	if !errors.As(cause, &typed) {
		cause = &courier.UnknownError{ID: id, Cause: cause}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.outcome.Sent == sentBefore && !o.Watch {
		o.halted = true
	}
	return cause
}

func (o *run) sentSoFar() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.outcome.Sent
}
