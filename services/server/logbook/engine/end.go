package engine

import (
	"math"

	"sealpost/services/server/logbook"
)

// firstOfEach returns those messages that are to be written: the first of its id each.
// What is kept already is answered, and the others of an id wait for the first.
func (c *committer) firstOfEach(came []*Message) (first []*Message) {
	for _, m := range came {
		switch under := c.underway[m.key()]; under {
		case nil:
			if c.answerRepeat(m) {
				continue
			}
			c.underway[m.key()] = m
			first = append(first, m)
		case m: // it has waited, and its turn has come
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
	facts, err := kept.Again(m.Draft)
	c.end(m, facts, err)
}

// end is how each message leaves the committer, whatever its outcome. Its file is
// closed, and removed unless a record may name it; its room is given back; it is
// answered. Then those who wait for the same id go on: if it is kept they are
// repeats or conflicts, otherwise the first of them takes its place.
func (c *committer) end(m *Message, facts logbook.Facts, err error) {
	waiting := c.removeUnderway(m)
	m.breakRow(err)
	m.Body.Release(err == nil && !facts.Repeat || m.named)
	m.Then(facts, err)
	if len(waiting) == 0 {
		return
	}
	if err != nil {
		next := waiting[0]
		next.waiting = waiting[1:]
		c.underway[m.key()] = next
		c.queue.putFirst(next)
		return
	}
	c.queue.takeUp(waiting)
	for _, w := range waiting {
		c.endAs(w, facts)
	}
}

// free lets others with the id of a message pass that was under way, and returns
// those who wait for it.
func (c *committer) removeUnderway(m *Message) (waiting []*Message) {
	if c.underway[m.key()] == m {
		delete(c.underway, m.key())
	}
	waiting, m.waiting = m.waiting, nil
	return waiting
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
	for _, m := range c.underway {
		waiting := m.waiting
		m.waiting = nil
		c.queue.takeUp(waiting)
		c.endAll(waiting, err)
	}
	c.endAll(c.queue.take(math.MaxInt), err)
}
