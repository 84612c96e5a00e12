package volumes

import (
	"errors"
	"fmt"

	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/state"
	"sealpost/shared/durable"
)

// ErrFit means that there is nothing to accept.
var ErrFit = errors.New("the volumes fit each other: there is nothing to accept")

// CannotAcceptError means that a new id would not help: the log volume
// contradicts itself.
type CannotAcceptError struct{ Cause error }

func (e *CannotAcceptError) Error() string {
	return fmt.Sprintf("the log volume cannot be accepted as it is: %v", e.Cause)
}

func (e *CannotAcceptError) Unwrap() error { return e.Cause }

// Proposal is what an acceptance would do. It keeps the log volume's lock.
type Proposal struct {
	Reason   error  // why the volumes do not fit
	Was      string // the id on the log volume, "" for none
	State    string // the id that the state volume has
	Messages uint64 // on the log volume: the next number

	dir  string
	st   *state.State
	lock *durable.FileLock
}

// Propose judges the volumes for an acceptance. ErrFit, *CannotAcceptError;
// durable.ErrLocked while a server has the log volume.
func Propose(dir string, st *state.State) (p *Proposal, err error) {
	lock, err := local.Lock(dir)
	if err != nil {
		return nil, err
	}
	p = &Proposal{dir: dir, st: st, lock: lock}
	if err := p.Judge(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Proposal) Judge() (err error) {
	p.Reason = Judge(p.dir, p.st)
	switch {
	case p.Reason == nil:
		return ErrFit
	case !IsVerdict(p.Reason):
		return p.Reason
	}
	if p.Messages, err = fit.Count(p.dir); err != nil {
		return &CannotAcceptError{err}
	}
	p.State = p.st.LogbookID()
	p.Was, err = fit.ReadID(p.dir)
	return err
}

// Close gives the log volume up.
func (p *Proposal) Close() { _ = p.lock.Close() }

// Accept gives both volumes a new id, which it returns. Cut short it has not
// begun, or the next start of the server carries it out.
func (p *Proposal) Accept() (id string, err error) {
	accepted := state.Acceptance{ID: state.NewLogbookID(), Was: p.Was}
	if err := p.st.Accept(accepted); err != nil {
		return "", err
	}
	return accepted.ID, carryOut(p.dir, p.st, accepted, p.lock)
}

// isMeant reports whether the acceptance is of the log volume that is there now.
func isMeant(a state.Acceptance, dir string) bool {
	id, err := fit.ReadID(dir)
	return err == nil && (id == a.Was || id == a.ID)
}

// carryOut does what was accepted. Each step is durable before the next; while
// it lasts the volumes fit no better than before, and all of it can be done
// again.
func carryOut(dir string, st *state.State, a state.Acceptance, lock *durable.FileLock) error {
	_, checkpoint, err := local.Accept(dir, a.ID, st, lock)
	if err != nil {
		return err
	}
	if err := st.SetCheckpoint(checkpoint); err != nil {
		return err
	}
	if err := st.SetLogbookID(a.ID); err != nil {
		return err
	}
	return st.EndAcceptance()
}
