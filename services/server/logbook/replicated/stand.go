package replicated

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/replicated/fold"
)

// Voids says which entries are void by an operator's word, since no server can keep them. It
// is for one goroutine. An entry is made void only while this server stands in front of it, or
// before its first Leave returns.
type Voids interface {
	// Stand promises that this server does not pass the entry at a position, until Leave has
	// returned. It returns the positions of those that are void. After an error nobody knows
	// whether it was promised.
	Stand(ctx context.Context, position uint64) (void []uint64, err error)
	// Leave ends the promise, and returns the positions of those that are void. After an error
	// it holds on.
	Leave(ctx context.Context) (void []uint64, err error)
}

// StuckError means that this server cannot keep an entry, and stands in front of it.
type StuckError struct {
	Position uint64
	Err      error
}

func (e *StuckError) Error() string {
	return fmt.Sprintf("the entry at position %d of the replicated log cannot be kept: %v", e.Position, e.Err)
}

func (e *StuckError) Unwrap() error { return e.Err }

var (
	errVoidByOperator = errors.New("an operator has declared it void: no server can keep it")
	errNoChunk        = errors.New("the log has it no more, or not as it was sealed")
)

// standing is where a reader stands that cannot keep an entry. That all agree on what is void
// rests on three things:
//
//   - A server promises to stand in front of an entry only if its volume does not keep it, and
//     nothing is under way that may bring it there: all before it are kept, it was tried alone,
//     and what may be left of it in the volume's records is void.
//   - From then on it tries everything up to the commit, and ends the promise before that. What
//     it hears in the same step is whether the entry is void.
//   - A try to read on begins with the question which entries are void. The answer holds until
//     its end: nothing that this server may keep becomes void without its promise.
//
// So it does not matter which servers count in the log. Also one that does not, joins later, or
// reads again what it has read, asks before it keeps anything, and from then on nothing becomes
// void without its promise.
type standing struct {
	void   map[uint64]bool // as was heard last
	at     uint64          // position in front of which it has promised to stand; 0: none
	why    error           // a *StuckError of that position
	tried  uint64          // position for which the promise was ended last
	times  uint            // how often it was
	next   time.Time       // when it may be ended again
	alone  uint64          // position up to which messages are kept one by one
	unsure bool            // the volume may have kept what failed
}

// voidsWithin bounds a question which entries are void.
const voidsWithin = 10 * time.Second

// askVoids asks which entries are void, and says where this server stands.
func (r *reader) askVoids() (err error) {
	if r.cfg.Voids == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.ctx, voidsWithin)
	defer cancel()
	var void []uint64
	if r.standing.at > 0 {
		void, err = r.cfg.Voids.Stand(ctx, r.standing.at)
	} else {
		void, err = r.cfg.Voids.Leave(ctx)
	}
	if err != nil {
		return fmt.Errorf("which entries of the replicated log are void: %w", err)
	}
	r.standing.heard(void)
	if r.Logbook.Logbook.Ready() == nil { // the volume was healed: what was left of a failed commit is void
		r.standing.unsure = false
	}
	return nil
}

func (s *standing) heard(void []uint64) {
	s.void = make(map[uint64]bool, len(void))
	for _, position := range void {
		s.void[position] = true
	}
}

// message has the volume keep a message, unless an operator has declared it void.
func (p *passing) message(step fold.Step) error {
	switch {
	case p.standing.void[step.Position]:
		p.overruled(step)
		return nil
	case step.Position > p.standing.alone:
		return p.keep(step)
	case step.Position == p.standing.at && time.Now().Before(p.standing.next):
		return p.standing.why
	}
	return p.keepAlone(step)
}

// overruled passes an entry as void, and tells who waits for it. A copy of it may be kept yet.
func (p *passing) overruled(step fold.Step) {
	p.cfg.Local.Log.Error().Err(errVoidByOperator).Uint64("position", step.Position).Str("server", step.Server).
		Msg("an entry of the replicated log is void")
	if p.standing.at == step.Position {
		p.standing.at = 0
	}
	p.waiters.answer(ticketOf(step.Header), logbook.Facts{}, fmt.Errorf("%w: %w", logbook.ErrUnknown, errVoidByOperator))
}

// keepAlone has the volume keep a message, and waits for that: so it shows which one it is that
// cannot be kept, where messages that are committed together fail together. What is kept
// already needs no room; it must not be taken for what cannot be kept.
func (p *passing) keepAlone(step fold.Step) error {
	draft := draftOf(*step.Message)
	facts, known, err := p.Logbook.Logbook.Lookup(p.ctx, draft.Sender, draft.ID)
	if err != nil {
		return err
	}
	if known {
		if err := p.numbered(step, facts); err != nil {
			return err
		}
		facts, err = facts.Again(draft)
		p.waiters.answer(ticketOf(step.Header), facts, err)
		return nil
	}
	if err := p.keep(step); err != nil {
		return p.stuckAt(step, err)
	}
	if err := p.window.wait(); err != nil {
		return p.stuckAt(step, err)
	}
	return nil
}

// stuckAt takes down that it is the entry that cannot be kept, if that is so, and returns why.
func (p *passing) stuckAt(step fold.Step, err error) error {
	if errors.Is(err, errNoChunk) || errors.Is(err, logbook.ErrUnavailable) && !errors.Is(err, logbook.ErrUnknown) {
		p.stuck = &StuckError{Position: step.Position, Err: err}
	}
	return err
}

// leave ends the promise to stand in front of an entry, if there is one, before the volume is
// to keep it. It reports whether that was declared void meanwhile.
func (p *passing) leave(position uint64) (void bool, err error) {
	if position != p.standing.at {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(p.ctx, voidsWithin)
	defer cancel()
	heard, err := p.cfg.Voids.Leave(ctx)
	if err != nil {
		return false, fmt.Errorf("whether the entry at position %d of the replicated log is void: %w", position, err)
	}
	p.standing.heard(heard)
	if p.standing.tried != position {
		p.standing.tried, p.standing.times = position, 0
	}
	p.standing.at = 0
	p.standing.times++
	return p.standing.void[position], nil
}

// mostTries bounds the pauses between tries that end the promise: each sets the register twice,
// and while it lasts nothing can be made void.
const mostTries = 5

// failed returns why a try has ended, once nothing of it is under way. Where that is one entry
// this server promises to stand in front of it. The next try keeps one by one what this one has
// handed to the volume.
func (p *passing) failed(err error) error {
	if p.cfg.Voids == nil || p.reader.ctx.Err() != nil {
		return err
	}
	s := &p.standing
	s.alone = max(s.alone, p.fold.Seen().Position)
	s.unsure = s.unsure || errors.Is(err, logbook.ErrUnknown)
	switch {
	case p.stuck == nil || s.unsure:
		return err
	case p.stuck.Position > s.at: // all before it was passed once
		return p.stand()
	}
	return p.stuck
}

// stand promises to stand in front of the entry that cannot be kept.
func (p *passing) stand() error {
	ctx, cancel := context.WithTimeout(p.reader.ctx, voidsWithin)
	defer cancel()
	s, position := &p.standing, p.stuck.Position
	if _, err := p.cfg.Voids.Stand(ctx, position); err != nil {
		return errors.Join(p.stuck, fmt.Errorf("the other servers cannot be told of it: %w", err))
	}
	s.at, s.why, s.next = position, p.stuck, time.Time{}
	if s.tried == position {
		s.next = time.Now().Add(p.cfg.RetryEvery << min(s.times, mostTries))
	}
	return p.stuck
}
