package local

import (
	"path/filepath"
	"strings"
	"sync"

	"sealpost/services/server/logbook/engine/disk"
)

// saboteur fails the step that a groupFault describes, with one error, once or
// until it is told to stop.
type saboteur struct {
	groupFault
	err   error
	once  bool
	hold  func() // called at the first flush, of the message before the group
	fired chan struct{}
	did   sync.Once

	mu      sync.Mutex
	flushes int // of messages; the group begins with the second
	over    bool
	probes  int // files made since the group began
	count   map[string]int
}

func (x *saboteur) tries() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.probes
}

// begun holds the committer at the flush of the message before the group, so
// that what comes meanwhile is one group, and reports whether that has begun.
func (x *saboteur) begun(s disk.Step) bool {
	x.mu.Lock()
	if flushesMessages(s) {
		x.flushes++
	}
	flushes, over := x.flushes, x.over
	x.mu.Unlock()
	if flushes == 1 && flushesMessages(s) {
		x.hold()
	}
	return flushes > 1 && !over
}

func (x *saboteur) fault(s disk.Step) error {
	if !x.begun(s) {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if s.Op == disk.OpCreate {
		x.probes++
	}
	kind := string(s.Op) + filepath.Dir(s.Name) + strings.SplitN(filepath.Base(s.Name), "-", 2)[0]
	x.count[kind]++
	if !x.when(s, x.count[kind]) || x.once && isClosed(x.fired) {
		return nil
	}
	if !x.once {
		x.count[kind]-- // the next try fails too
	}
	x.did.Do(func() { close(x.fired) })
	return x.err
}

func (x *saboteur) stop() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.over = true
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
