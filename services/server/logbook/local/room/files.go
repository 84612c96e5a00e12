package room

import (
	"fmt"
	"sync"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
)

// MostFiles is how many files of messages are open at once at most: a group that
// is flushed, one that is written, and as many large messages again.
const MostFiles = 4 * engine.MaxGroup

// Files bounds how many large messages and scratches are open at once, in all
// and by sender: each takes a file descriptor from its first byte to its last,
// and waiting to be committed. Small ones are bounded by their group.
type Files struct {
	max int

	mu   sync.Mutex
	open int
	of   engine.BySender[int]
}

// NewFiles shares half of so many descriptors out; the other half is for two
// groups of small messages.
func NewFiles(descriptors int) *Files {
	return &Files{max: max(1, descriptors/2), of: make(engine.BySender[int])}
}

// Take counts a file that is to be opened. A sender who has files already gets
// no more than are left for all others. The error is a logbook.ErrUnavailable.
func (f *Files) Take(sender string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	own := f.of[sender]
	if left := f.max - f.open; left < 1 || own > 0 && own >= left {
		return fmt.Errorf("%w: %d files of messages are open, %d of sender %s, the limit is %d",
			logbook.ErrUnavailable, f.open, own, sender, f.max)
	}
	f.open++
	f.of.Add(sender, 1)
	return nil
}

// Give ends what Take began, once the file is closed.
func (f *Files) Give(sender string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open--
	f.of.Add(sender, -1)
}

// Open returns how many files are counted, and of how many senders.
func (f *Files) Open() (files, senders int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open, len(f.of)
}

// GroupSize is how many messages one group has at most, with so many
// descriptors for files.
func GroupSize(descriptors int) int { return max(1, min(engine.MaxGroup, descriptors/4)) }
