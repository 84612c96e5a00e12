package local

import (
	"fmt"
	"sync"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
)

// MostFiles is how many files of messages are open at once at most: a group that
// is flushed, one that is written, and as many large messages again.
const MostFiles = 4 * engine.MaxGroup

// files bounds how many large messages and scratches are open at once, in all
// and by sender: each takes a file descriptor from its first byte to its last,
// and waiting to be committed. Small ones are bounded by their group.
type files struct {
	max int

	mu   sync.Mutex
	open int
	of   engine.BySender[int]
}

// newFiles shares half of so many descriptors out; the other half is for two
// groups of small messages.
func newFiles(descriptors int) *files {
	return &files{max: max(1, descriptors/2), of: make(engine.BySender[int])}
}

// take counts a file that is to be opened. A sender who has files already gets
// no more than are left for all others. The error is a logbook.ErrUnavailable.
func (f *files) take(sender string) error {
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

// give ends what take began, once the file is closed.
func (f *files) give(sender string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open--
	f.of.Add(sender, -1)
}

// groupSize is how many messages one group has at most, with so many
// descriptors for files.
func groupSize(descriptors int) int { return max(1, min(engine.MaxGroup, descriptors/4)) }
