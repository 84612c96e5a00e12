package engine

import (
	"fmt"
	"math"

	"sealpost/services/server/logbook"
)

// claim is an id that is being committed, from when its message is taken until
// that has ended.
type claim struct {
	owner   *Message
	waiting []*Message // for what becomes of the owner, in the order in which they came
}

// claim returns those messages that are to be written: the first of its id each.
// What is kept already is answered, and the others of an id wait for the first.
func (c *committer) claim(came []*Message) (first []*Message) {
	for _, m := range came {
		switch under := c.underway[m.key()]; {
		case under == nil:
			if c.answerRepeat(m) {
				continue
			}
			c.underway[m.key()] = &claim{owner: m}
			first = append(first, m)
		case under.owner == m: // it has waited, and its turn has come
			first = append(first, m)
		default:
			under.waiting = append(under.waiting, m)
			c.queue.setAside(m)
		}
	}
	return first
}

// answerRepeat ends a message whose id is kept, or cannot be looked up.
func (c *committer) answerRepeat(m *Message) bool {
	facts, found, err := c.committed.find(m.key())
	switch {
	case err != nil:
		c.end(m, logbook.Facts{}, err)
	case found:
		c.endAs(m, facts)
	}
	return found || err != nil
}

// endAs ends a message whose id is kept with these facts.
func (c *committer) endAs(m *Message, kept logbook.Facts) {
	if !kept.Matches(m.Draft) {
		c.end(m, logbook.Facts{}, fmt.Errorf("%w: message %d has it", logbook.ErrConflict, kept.Entry.Seq))
		return
	}
	kept.Repeat = true
	c.end(m, kept, nil)
}

// end is how each message leaves the committer, whatever became of it: its file
// is closed, and removed where nothing may name it, its room is given back, it is
// answered, and those who wait for its id learn of it. Where it is kept they are
// repeats or conflicts; where it is not, the first of them takes its place.
func (c *committer) end(m *Message, facts logbook.Facts, err error) {
	waiting := c.release(m)
	m.Body.Release(err == nil && !facts.Repeat || m.named)
	m.Then(facts, err)
	if len(waiting) == 0 {
		return
	}
	if err != nil {
		c.underway[m.key()] = &claim{owner: waiting[0], waiting: waiting[1:]}
		c.queue.putFirst(waiting[0])
		return
	}
	c.queue.takeUp(waiting)
	for _, w := range waiting {
		c.endAs(w, facts)
	}
}

// release ends the claim that a message owns, and returns those who wait.
func (c *committer) release(m *Message) (waiting []*Message) {
	claim := c.underway[m.key()]
	if claim == nil || claim.owner != m {
		return nil
	}
	delete(c.underway, m.key())
	return claim.waiting
}

// endAll fails messages that are all told the same.
func (c *committer) endAll(group []*Message, err error) {
	for _, m := range group {
		c.end(m, logbook.Facts{}, err)
	}
}

// endWaiting fails all that is not in a group: what is in the queue, and what
// waits for another message of its id.
func (c *committer) endWaiting(err error) {
	for _, claim := range c.underway {
		waiting := claim.waiting
		claim.waiting = nil
		c.queue.takeUp(waiting)
		c.endAll(waiting, err)
	}
	c.endAll(c.queue.take(math.MaxInt), err)
}
