// Package report tells what becomes of a server: whether it can be reached, and whether
// it takes messages. What stays as it was is told once, however often it is tried.
//
// Guaranteed: calls come one at a time, and in order. Whom they go to must not call back.
package report

import "sync"

// Taking tells whether the server takes messages: once when it begins not to,
// once for each further reason until it does again, and once then.
type Taking struct {
	Tell func(reason string) // may be nil; "" where it takes them again

	mu     sync.Mutex
	spell  int             // how many times it has begun not to
	told   map[string]bool // the reasons of this spell; empty: it takes them
	enough uint64          // bytes: a message of that size shows that there is room again
}

// mostReasons bounds how many reasons of a spell are told.
const mostReasons = 8

// Attempt notes when an attempt begins: what was offered before a spell says nothing
// about its end.
func (t *Taking) Attempt() (spell int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.spell
}

// PutOff notes that a message was not taken for now. enough is the size, in bytes, of one
// that shows the end of it.
func (t *Taking) PutOff(enough uint64, reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.told) == 0 {
		t.spell++
		t.told, t.enough = make(map[string]bool), enough
	}
	t.enough = min(t.enough, enough)
	if t.told[reason] || len(t.told) >= mostReasons {
		return
	}
	t.told[reason] = true
	if t.Tell != nil {
		t.Tell(reason)
	}
}

// Took notes that a message of so many bytes was taken, whose attempt began in a spell.
func (t *Taking) Took(spell int, size uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.told) == 0 || spell != t.spell || size < t.enough {
		return
	}
	t.told = nil
	if t.Tell != nil {
		t.Tell("")
	}
}
