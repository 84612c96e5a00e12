package courier

import (
	"errors"
	"sync"
	"time"

	"sealpost/shared/framing"
)

// taking tells whether the server takes messages: once when it begins not to,
// once for each further reason until it does again, and once then.
type taking struct {
	tell func(reason string) // may be nil

	mu     sync.Mutex
	spell  int             // how many times it has begun not to
	told   map[string]bool // the reasons of this spell; empty: it takes them
	enough uint64          // bytes: a message of that size shows that there is room again
}

// mostReasons bounds how many reasons of a spell are told.
const mostReasons = 8

// attempt notes when an attempt begins: what was offered before a spell says
// nothing about its end.
func (t *taking) attempt() (spell int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.spell
}

// ended notes how an attempt that began in a spell ended.
func (t *taking) ended(spell int, m Message, err error) {
	var later *laterError
	switch {
	case err == nil:
		t.took(spell, m.Size)
	case errors.As(err, &later) && later.ofServer():
		t.putOff(m.Size, later)
	}
}

func (t *taking) putOff(size uint64, later *laterError) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if later.code != framing.CodeNoSpace { // which may be for lack of room for this size alone
		size = 0
	}
	if len(t.told) == 0 {
		t.spell++
		t.told, t.enough = make(map[string]bool), size
	}
	t.enough = min(t.enough, size)
	reason := Reason(later)
	if t.told[reason] || len(t.told) >= mostReasons {
		return
	}
	t.told[reason] = true
	if t.tell != nil {
		t.tell(reason)
	}
}

func (t *taking) took(spell int, size uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.told) == 0 || spell != t.spell || size < t.enough {
		return
	}
	t.told = nil
	if t.tell != nil {
		t.tell("")
	}
}

// slowAnswer is how long an attempt to connect may take before it is said that
// nothing answers. The attempt itself goes on.
const slowAnswer = 3 * time.Second

// contact tells whether the server can be reached: once when it begins that it
// cannot, once when the reason changes, and once when it can be again.
type contact struct {
	tell func(reason string) // may be nil

	mu        sync.Mutex
	reason    string // why it cannot be reached; "": nothing is known against it
	connected bool   // the attempt before this one succeeded
}

// trying tells of an attempt that takes long. ended must be called, and tells
// nothing itself.
func (c *contact) trying() (ended func()) {
	over := false
	timer := time.AfterFunc(slowAnswer, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !over && c.reason == "" { // else the end of the attempt says more
			c.change(noAnswer)
		}
	})
	return func() {
		timer.Stop()
		c.mu.Lock()
		defer c.mu.Unlock()
		over = true
	}
}

// tried notes how an attempt ended. first is true for a connection that is not
// merely one after another.
func (c *contact) tried(err error) (first bool) {
	reason := ""
	if err != nil {
		reason = Reason(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	first = err == nil && !c.connected
	c.connected = err == nil
	c.change(reason)
	return first
}

// change is called with mu held, so that what is told comes in order.
func (c *contact) change(reason string) {
	if c.reason == reason {
		return
	}
	c.reason = reason
	if c.tell != nil {
		c.tell(reason)
	}
}
