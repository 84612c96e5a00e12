package outbox

import (
	"errors"
	"sync"
	"time"

	"sealpost/services/client/courier"
)

// heldPause is between looks at an outbox whose files the sender's quota holds back: a
// smaller one may be put in, and another client may bring all to an end.
const heldPause = 5 * time.Second

// overQuota is what the server has said of our sender's quota: until a time it takes no
// message of a size or more. Smaller ones may fit, so that they are tried. What is held
// back stays in DIR, where a client of another sender may have it.
type overQuota struct {
	mu   sync.Mutex
	size uint64
	said *courier.PostponedError // nil: nothing was said in this run
}

// note takes the outcome of a message.
func (q *overQuota) note(size uint64, err error) {
	var postponed *courier.PostponedError
	if !errors.As(err, &postponed) || postponed.Until.IsZero() {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.left() <= 0 || size < q.size {
		q.size, q.said = size, postponed
	}
}

// holds returns why a message of a size is not offered now, nil if it may be.
func (q *overQuota) holds(size uint64) *courier.PostponedError {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.left() <= 0 || size < q.size {
		return nil
	}
	return q.said
}

// last returns what was said last, nil if nothing was.
func (q *overQuota) last() *courier.PostponedError {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.said
}

// pause returns for how long something is held back.
func (q *overQuota) pause() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.left()
}

// left is called with mu held.
func (q *overQuota) left() time.Duration {
	if q.said == nil {
		return 0
	}
	return time.Until(q.said.Until)
}

// inVain reports whether to wait until a time is in vain, as the run ends before.
func (o *run) inVain(until time.Time) bool {
	return !o.Watch && o.Timeout > 0 && time.Until(until) > o.Timeout
}

// endsHeld ends the run where nothing is left to do but to wait, in vain, for files in
// DIR that the quota holds back: of so many that were seen, so many.
func (o *run) endsHeld(seen, held int, late bool) bool {
	said := o.over.last()
	if o.Watch || held == 0 || held < seen || said == nil || !late && !o.inVain(said.Until) {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.outcome.Held, o.outcome.HeldBy = held, said
	return true
}
