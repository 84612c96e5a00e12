package replicated

import (
	"sync"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/replicated/fold"
)

// window holds the messages that the volume was given and does not keep yet, in order, and
// the states behind some of them. A state may be written once the volume keeps all before
// it.
type window struct {
	mu     sync.Mutex
	open   []*underway
	states []fold.State
	err    error         // of the first that could not be kept
	failed *underway     // that one
	empty  chan struct{} // closed when none is open; nil while nobody waits for it

	next    uint64 // number of the next message that is not a repeat
	kept    uint64 // messages up to the first that is open
	settled int    // so many states, the first ones, say how many messages there are before them
}

type underway struct {
	position uint64
	came     time.Time // into the log
	done     bool
	fresh    bool // it is no repeat
}

// newWindow begins behind so many messages.
func newWindow(messages uint64) *window { return &window{next: messages, kept: messages} }

// begin adds a message, whose position is behind all others', and the time when it came
// into the log.
func (w *window) begin(position uint64, came time.Time) *underway {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := &underway{position: position, came: came}
	w.open = append(w.open, u)
	return u
}

// end notes what became of a message.
func (w *window) end(u *underway, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u.done = true; err != nil && w.err == nil {
		w.err, w.failed = err, u
	}
	for len(w.open) > 0 && w.open[0].done {
		w.settle(w.open[0].position)
		if w.open[0].fresh {
			w.kept++
		}
		w.open = w.open[1:]
	}
	if len(w.open) == 0 && w.empty != nil {
		close(w.empty)
		w.empty = nil
	}
}

// settle has the states before a position say how many messages there are before them.
func (w *window) settle(position uint64) {
	for ; w.settled < len(w.states) && w.states[w.settled].Position < position; w.settled++ {
		w.states[w.settled].Messages = w.kept
	}
}

// numbered takes the number of a message that the volume keeps. The first time that an id is
// in the log it is the next one, also where the volume has kept it before; a smaller one is
// that of a repeat. The error is a *NumberError.
func (w *window) numbered(u *underway, facts logbook.Facts) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	number := facts.Entry.Seq
	if number > w.next || number < w.next && !facts.Repeat {
		return &NumberError{Position: u.position, Want: w.next, Got: number}
	}
	if number == w.next {
		u.fresh = true
		w.next++
	}
	return nil
}

// messages returns how many there are, up to the newest.
func (w *window) messages() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next
}

// begins notes that so many messages are before all others. None is open.
func (w *window) begins(messages uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next, w.kept = messages, messages
}

// oldest is the first message that the volume does not keep yet.
func (w *window) oldest() (position uint64, came time.Time, is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := w.failed
	if len(w.open) > 0 && (first == nil || w.open[0].position < first.position) {
		first = w.open[0]
	}
	if first == nil {
		return 0, time.Time{}, false
	}
	return first.position, first.came, true
}

// mark takes the state behind all that were added so far.
func (w *window) mark(state fold.State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.states = append(w.states, state)
}

// due returns the states before which the volume keeps all, in order, each once.
func (w *window) due() (states []fold.State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.states) > 0 && w.err == nil && (len(w.open) == 0 || w.open[0].position > w.states[0].Position) {
		w.settle(w.states[0].Position + 1)
		states = append(states, w.states[0])
		w.states, w.settled = w.states[1:], w.settled-1
	}
	return states
}

// failure is why a message could not be kept.
func (w *window) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// wait returns once no message is open, with the error of the first that could not be
// kept.
func (w *window) wait() error {
	w.mu.Lock()
	if len(w.open) == 0 {
		defer w.mu.Unlock()
		return w.err
	}
	if w.empty == nil {
		w.empty = make(chan struct{})
	}
	empty := w.empty
	w.mu.Unlock()
	<-empty
	return w.failure()
}
