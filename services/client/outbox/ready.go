package outbox

import (
	"errors"
	"os"
	"sync"
	"time"
)

// writers says who has a file open for writing.
type writers int

const (
	unknownWriters writers = iota // the system does not tell
	noWriter
	someWriter
)

// ready reports whether a file may be taken: false when it is gone, and while
// somebody writes it. Where the system does not tell, it must not have changed
// for the settle time. The error is errPlanted for what is not to be taken.
func (o *run) ready(name string) (bool, error) {
	f, err := o.box.root.Open(name, os.O_RDONLY, 0)
	if err != nil {
		return !errors.Is(err, os.ErrNotExist), nil // the claim will say what it is
	}
	defer f.Close()
	if err := o.box.checkPlanted(f); err != nil {
		return false, err
	}
	switch writersOf(f) {
	case noWriter:
		return true, nil
	case someWriter:
		return false, nil
	}
	info, err := f.Stat()
	return err != nil || o.looks.unchanged(name, info, time.Now(), o.Settle), nil
}

// looks remembers files that may still be growing as they were first seen so.
type looks struct {
	mu   sync.Mutex
	seen map[string]look
}

type look struct {
	os.FileInfo
	at time.Time
}

// unchanged reports whether a file has stayed the same for a time, by its own
// time of change or, where that is not past, between two looks. Those are apart by
// a clock that nobody sets, so a time of change in the future holds nothing up.
func (l *looks) unchanged(name string, info os.FileInfo, now time.Time, long time.Duration) bool {
	if now.Sub(info.ModTime()) >= long {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if before, ok := l.seen[name]; ok && os.SameFile(before.FileInfo, info) &&
		before.Size() == info.Size() && before.ModTime().Equal(info.ModTime()) {
		return now.Sub(before.at) >= long
	}
	if l.seen == nil {
		l.seen = make(map[string]look)
	}
	l.seen[name] = look{info, now}
	return long <= 0
}

// keep forgets the files that are not there any more.
func (l *looks) keep(files []job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seen) == 0 {
		return
	}
	there := make(map[string]bool, len(files))
	for _, j := range files {
		there[j.name] = true
	}
	for name := range l.seen {
		if !there[name] {
			delete(l.seen, name)
		}
	}
}
