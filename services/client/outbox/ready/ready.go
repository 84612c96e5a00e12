// Package ready finds out whether a file in an outbox is whole: whether somebody
// still writes it.
//
// On Linux a file that a process on this machine holds open for writing is not
// ready until it is closed. Where the system does not let us see that (the file of
// another user, some file systems, every other system) it must not have changed for
// a time, by the clocks of both machines where it lies on another one's disk.
//
// Not guaranteed: anything of a writer that closes and opens its file again.
package ready

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"sealpost/services/client/outbox/box"
	"sealpost/shared/durable"
)

// writers says who has a file open for writing.
type writers int

const (
	unknownWriters writers = iota // the system does not tell
	noWriter
	someWriter
)

// most is how many files are remembered that may still be growing. Those beyond
// are judged by their time of change alone, which may be wrong but seldom is.
const most = 10_000

// Looks remembers files that may still be growing as they were first seen so. It is
// for one goroutine at a time.
type Looks struct {
	seen  map[string]look
	round int
}

type look struct {
	file  durable.Info
	at    time.Time
	round int
}

// Ready looks at a file of the outbox. ok is false while somebody writes it: where
// the system does not tell, it must not have changed for the settle time. What cannot
// be opened is ready: who takes it finds out what it is. The error is fs.ErrNotExist
// for what is gone, and box.ErrPlanted for what is not to be taken. name is the
// file's path below DIR.
func (l *Looks) Ready(b *box.Box, name string, settle time.Duration) (file durable.Info, ok bool, err error) {
	var f *os.File
	opened := b.Root.Within(name, func(in *durable.Dir, base string) error {
		var failed error
		if f, failed = in.Open(base, os.O_RDONLY, 0); failed != nil {
			return failed
		}
		if file, err = durable.Stat(f); err == nil {
			err = b.CheckPlanted(in, file)
		}
		return nil
	})
	switch {
	case errors.Is(opened, fs.ErrNotExist):
		return file, false, opened
	case opened != nil:
		return file, !errors.Is(opened, durable.ErrNotDirectory), nil
	}
	defer f.Close()
	if err != nil {
		return file, false, err
	}
	switch writersOf(f) {
	case noWriter:
		return file, true, nil
	case someWriter:
		return file, false, nil
	}
	return file, l.unchanged(name, file, time.Now(), settle), nil
}

// unchanged reports whether a file has stayed the same for a time, by its own
// time of change or, where that is not past, between two looks. Those are apart by
// a clock that nobody sets, so a time of change in the future holds nothing up.
func (l *Looks) unchanged(name string, file durable.Info, now time.Time, long time.Duration) bool {
	if now.Sub(file.ModTime()) >= long {
		return true
	}
	if before, ok := l.seen[name]; ok && before.file.Same(file) &&
		before.file.Size() == file.Size() && before.file.ModTime().Equal(file.ModTime()) {
		before.round = l.round
		l.seen[name] = before
		return now.Sub(before.at) >= long
	}
	if l.seen == nil {
		l.seen = make(map[string]look)
	}
	if len(l.seen) < most {
		l.seen[name] = look{file, now, l.round}
	}
	return long <= 0
}

// Ended says that the whole outbox was looked at: files that were not looked at
// since the last call are forgotten.
func (l *Looks) Ended() {
	for name, seen := range l.seen {
		if seen.round != l.round {
			delete(l.seen, name)
		}
	}
	l.round++
}
