package report

import (
	"sync"
	"time"
)

// NoAnswer is the reason of every attempt that ended by a time limit, and of one under
// way that takes long: so they count as one.
const NoAnswer = "no answer"

// slowAnswer is how long an attempt to connect may take before it is said that
// nothing answers. The attempt itself goes on.
const slowAnswer = 3 * time.Second

// Contact tells whether the server can be reached: once when it begins that it
// cannot, once when the reason changes, and once when it can be again.
type Contact struct {
	Tell func(reason string) // may be nil; "" where it can be reached again

	mu        sync.Mutex
	reason    string // why it cannot be reached; "": nothing is known against it
	connected bool   // the attempt before this one succeeded
}

// Trying tells of an attempt that takes long. ended must be called, and tells
// nothing itself.
func (c *Contact) Trying() (ended func()) {
	over := false
	timer := time.AfterFunc(slowAnswer, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !over && c.reason == "" { // else the end of the attempt says more
			c.change(NoAnswer)
		}
	})
	return func() {
		timer.Stop()
		c.mu.Lock()
		defer c.mu.Unlock()
		over = true
	}
}

// Reached notes that an attempt succeeded. first is true for a connection that is not
// merely one after another.
func (c *Contact) Reached() (first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first = !c.connected
	c.connected = true
	c.change("")
	return first
}

// Failed notes why an attempt failed.
func (c *Contact) Failed(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connected = false
	c.change(reason)
}

// change is called with mu held, so that what is told comes in order.
func (c *Contact) change(reason string) {
	if c.reason == reason {
		return
	}
	c.reason = reason
	if c.Tell != nil {
		c.Tell(reason)
	}
}
