package courier

import (
	"errors"
	"sync"

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
