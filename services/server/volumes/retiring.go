package volumes

import (
	"errors"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/local/retire"
	"sealpost/services/server/state"
	"sealpost/shared/logging/trail"
	"sealpost/shared/numbers"
)

const (
	// orderEvery is how soon an order of a command is taken.
	orderEvery = 250 * time.Millisecond
	// policyEvery is how often messages are looked for that go by the policy: each time
	// that there are some the note is replaced.
	policyEvery = 10 * time.Second
)

// Retirer retires messages of an open logbook. Stop ends what takes long.
type Retirer interface {
	Ready() error
	Before(limit time.Time) (numbers.Set, error)
	Due(p local.Policy, now time.Time) (numbers.Set, error)
	Retire(which numbers.Set, stop <-chan struct{}) (fresh numbers.Set, err error)
	Work(stop <-chan struct{}) (bytes uint64, err error)
}

// alone is that of a logbook which only this server has.
type alone struct{ *retire.Retirer }

func (a alone) Retire(which numbers.Set, _ <-chan struct{}) (numbers.Set, error) {
	return a.Retirer.Retire(which)
}

// retiring retires messages of an open logbook: what goes by the policy, and what
// commands order. It goes beside the committer, in small steps.
type retiring struct {
	retirer Retirer
	st      *state.State
	policy  local.Policy
	log     zerolog.Logger
	next    time.Time // for the policy
	told    string    // the last error, so that it is logged once
	stop    chan struct{}
	ended   chan struct{}
}

func startRetiring(of Retirer, st *state.State, policy local.Policy, log zerolog.Logger) *retiring {
	r := &retiring{retirer: of, st: st, policy: policy, log: log,
		stop: make(chan struct{}), ended: make(chan struct{})}
	go r.run()
	return r
}

func (r *retiring) run() {
	defer close(r.ended)
	tick := time.NewTicker(orderEvery)
	defer tick.Stop()
	for {
		r.complain(r.turn())
		select {
		case <-tick.C:
		case <-r.stop:
			return
		}
	}
}

// close ends the work; the next start goes on with it.
func (r *retiring) close() {
	close(r.stop)
	<-r.ended
}

// turn does what is to be done now. What cannot be retired yet is taken a moment later.
func (r *retiring) turn() error {
	if err := r.retirer.Ready(); err != nil {
		return errors.Join(err, r.work())
	}
	return errors.Join(r.order(), r.byPolicy(), r.work())
}

// work goes on with what an earlier turn, or an earlier process, did not come to, and with what
// other servers have retired.
func (r *retiring) work() error {
	_, err := r.retirer.Work(r.stop)
	return err
}

func (r *retiring) byPolicy() error {
	if !r.policy.Any() || time.Now().Before(r.next) {
		return nil
	}
	r.next = time.Now().Add(policyEvery)
	due, err := r.retirer.Due(r.policy, time.Now())
	if err != nil || due.Empty() {
		return err
	}
	done, err := carryOutRetire(r.retirer, due, r.stop)
	r.tell(done, trail.ByPolicy, "by SERVER_RETAIN_FOR or SERVER_RETAIN_BYTES")
	return err
}

// order carries out what a command has asked for, and answers it.
func (r *retiring) order() error {
	order, given, err := r.st.TakeRetireOrder()
	if err != nil || !given {
		return err
	}
	if err := r.st.AnswerRetire(state.RetireAnswer{ID: order.ID, Taken: true}); err != nil {
		return err
	}
	done, err := r.carryOut(order)
	r.tell(done, trail.ByCommand, "by server retire")
	return r.st.AnswerRetire(answerOf(order.ID, done, err))
}

func (r *retiring) carryOut(order state.RetireOrder) (Retired, error) {
	which, err := ordered(r.retirer, order)
	if err != nil {
		return Retired{}, err
	}
	return carryOutRetire(r.retirer, which, r.stop)
}

// ordered returns which messages an order is about.
func ordered(r Retirer, order state.RetireOrder) (which numbers.Set, err error) {
	if order.Range == nil {
		return r.Before(order.Before)
	}
	which.Add(*order.Range)
	return which, nil
}

// carryOutRetire retires and removes; what it returns beside an error has happened.
func carryOutRetire(r Retirer, which numbers.Set, stop <-chan struct{}) (done Retired, err error) {
	if done.Numbers, err = r.Retire(which, stop); err != nil {
		return Retired{}, err
	}
	done.Bytes, err = r.Work(stop)
	return done, err
}

func (r *retiring) tell(done Retired, by, why string) {
	if done.Numbers.Empty() {
		return
	}
	trail.Mark(r.log.Info(), trail.MessagesRetired, by).Stringer("numbers", done.Numbers).
		Uint64("messages", done.Numbers.Count()).Uint64("bytes", done.Bytes).Msg("messages retired " + why)
}

// complain logs an error when it is another one than before. What keeps messages from being
// kept, too, is told elsewhere.
func (r *retiring) complain(err error) {
	if errors.Is(err, retire.ErrStopped) || errors.Is(err, retire.ErrNotYet) || errors.Is(err, logbook.ErrUnavailable) {
		return
	}
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != r.told {
		r.log.Error().Err(err).Msg("messages cannot be retired; it is tried again")
	}
	r.told = text
}
