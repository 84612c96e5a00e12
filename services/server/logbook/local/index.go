package local

import (
	"sync"

	"sealpost/shared/message"
)

// index finds a message's number by sender and id. It is rebuilt from the
// manifest at every start.
type index struct {
	mu   sync.RWMutex
	seqs map[indexKey]uint64
}

type indexKey struct {
	sender string
	id     message.ID
}

func newIndex() *index { return &index{seqs: make(map[indexKey]uint64)} }

func (x *index) find(sender string, id message.ID) (uint64, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	seq, ok := x.seqs[indexKey{sender, id}]
	return seq, ok
}

func (x *index) add(sender string, id message.ID, seq uint64) {
	x.mu.Lock()
	x.seqs[indexKey{sender, id}] = seq
	x.mu.Unlock()
}
