// Package watch tells when a directory is to be looked at again.
//
// Where the system tells of new names ([fsnotify]: inotify on Linux), it does so at
// once; a burst of names is one look or a few. What it tells is a hint and never
// the truth: the look decides what is there, and is to be made at the latest after
// [Watch.Pause], which is short wherever the system may not tell all: on network
// file systems and those of unknown kind, where its watches are exhausted, and on
// systems other than Linux, on which a watch takes a descriptor for every file.
//
// Nothing is missed: a directory is watched before its names are read, so that a
// name comes before the reading, or is told of. After events were lost a look is
// asked for, and one is due after each pause in any case.
//
// Directories are watched by their paths, which others may lead elsewhere by a
// link. Then needless looks are asked for, or fewer than there could be, and
// nothing else happens: looks and all work are done by open descriptors.
package watch

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/rs/zerolog"

	"sealpost/shared/message"
)

const (
	// often is the pause between looks where the system may not tell.
	often = time.Second
	// seldom is the pause where it does.
	seldom = 30 * time.Second
	// gap is the least time between two looks that are asked for.
	gap = 50 * time.Millisecond
	// most is how many directories are watched: each takes about a kilobyte of the
	// kernel's memory, and a user has some thousand watches at least.
	most = 4096
)

// Watch asks for looks. Its methods may be called at once.
type Watch struct {
	log     zerolog.Logger
	again   chan struct{}
	watcher *fsnotify.Watcher // nil: the system does not tell
	running sync.WaitGroup

	// Values of their own for tests.
	most     int
	tellsAll func(path string) bool

	mu      sync.Mutex
	watched map[string]bool // paths
	untold  time.Time       // when a directory was added last whose names are not told of
	said    string          // the reason that was logged last
}

var (
	errSystem = errors.New("this system does not tell")
	errKind   = errors.New("the file system is not one that tells all")
	errMost   = errors.New("there are too many directories")
)

// New returns a Watch of nothing yet. It logs when the system does not tell, and
// why.
func New(log zerolog.Logger) *Watch {
	w := newWatch(log)
	err := errSystem
	if told {
		w.watcher, err = fsnotify.NewWatcher()
	}
	if err != nil {
		w.missing(err)
		return w
	}
	w.running.Go(func() { w.run(w.watcher.Events, w.watcher.Errors) })
	return w
}

func newWatch(log zerolog.Logger) *Watch {
	return &Watch{
		log: log, again: make(chan struct{}, 1), watched: make(map[string]bool), most: most, tellsAll: tellsAll,
	}
}

// Again receives when a look is to be made.
func (w *Watch) Again() <-chan struct{} { return w.again }

// Pause is how long to wait for Again at most before a look is made without it.
func (w *Watch) Pause() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watcher == nil || time.Since(w.untold) < 2*seldom {
		return often
	}
	return seldom
}

// Add watches a directory. It is to be called at each look, before the
// directory's names are read: one that is watched already costs two system calls,
// and one that took another's place is watched from then on.
func (w *Watch) Add(path string) {
	if w.watcher == nil {
		return
	}
	path = filepath.Clean(path)
	w.mu.Lock()
	known, full := w.watched[path], len(w.watched) >= w.most
	w.mu.Unlock()
	err := errMost
	if known || !full {
		err = w.watcher.Add(path)
	}
	if err == nil {
		w.mu.Lock()
		w.watched[path] = true
		w.mu.Unlock()
		if !w.tellsAll(path) {
			err = errKind
		}
	}
	if err != nil {
		w.missing(err)
	}
}

// missing notes that something is not told of, and logs it where the reason is
// another one than before.
func (w *Watch) missing(reason error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.untold = time.Now()
	if w.said == reason.Error() {
		return
	}
	w.said = reason.Error()
	w.log.Info().Str("reason", message.Visible(w.said)).Dur("pause", often).
		Msg("the outbox is looked at again and again, as not all that is put in is told of")
}

// Close ends the watching.
func (w *Watch) Close() {
	if w.watcher != nil {
		_ = w.watcher.Close() // it was only read
	}
	w.running.Wait()
}

// run asks for looks until the channels are closed.
func (w *Watch) run(events <-chan fsnotify.Event, lost <-chan error) {
	var due <-chan time.Time
	var last time.Time
	ask := func() {
		if due == nil {
			due = time.After(max(0, gap-time.Since(last)))
		}
	}
	for {
		select {
		case e, open := <-events:
			if !open {
				return
			}
			if w.matters(e) {
				ask()
			}
		case _, open := <-lost:
			if !open {
				return
			}
			ask()
		case <-due:
			due, last = nil, time.Now()
			select {
			case w.again <- struct{}{}:
			default: // asked for already, and not looked yet
			}
		}
	}
}

// matters reports whether an event may mean a new message: a name that came. That
// a file grows says nothing yet, and names with a dot are nobody's messages.
func (w *Watch) matters(e fsnotify.Event) bool {
	if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
		return w.forget(e.Name)
	}
	return e.Has(fsnotify.Create) && !strings.HasPrefix(filepath.Base(e.Name), ".")
}

// forget drops a directory that has lost its name, with those below it; false for
// what is no directory of ours.
func (w *Watch) forget(path string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.watched[path] {
		return false
	}
	for p := range w.watched {
		if p == path || strings.HasPrefix(p, path+string(filepath.Separator)) {
			delete(w.watched, p)
		}
	}
	return true
}
