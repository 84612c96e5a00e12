package local

import (
	"sync"
	"time"

	"sealpost/services/server/logbook/engine"
)

// Figures are what a logbook says of itself, for operators.
type Figures struct {
	Next           uint64    // number of the next message
	Oldest, Newest time.Time // of the first message that is not retired, and of the last; zero: there is none
	Queued         engine.Queued
	Staged         uint64           // bytes of room that messages on their way in hold, without parts
	StagedLimit    uint64           // what those of one sender may hold
	Files          map[string]int64 // sizes of manifest, tree, index and records
}

// Figures returns what is so now.
func (l *Logbook) Figures() Figures {
	f := Figures{Next: l.Len(), Queued: l.Queued(), StagedLimit: l.cfg.MaxStaged, Files: l.FileSizes()}
	account := l.space.Account()
	f.Staged = account.Held - account.Shelved
	if first := l.Retirer.First(); first < f.Next {
		f.Oldest = l.oldest.of(first, l.ReceivedAt)
	}
	if f.Next > 0 {
		f.Newest = l.newest.of(f.Next-1, l.ReceivedAt)
	}
	return f
}

// moment remembers when the message was received that was asked for last: often it is the same again.
type moment struct {
	mu     sync.Mutex
	number uint64
	at     time.Time // zero: nothing is remembered
}

// of asks read for another message; zero where that fails.
func (m *moment) of(number uint64, read func(uint64) (time.Time, error)) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.number == number && !m.at.IsZero() {
		return m.at
	}
	at, err := read(number)
	if err != nil {
		return time.Time{}
	}
	m.number, m.at = number, at
	return at
}
