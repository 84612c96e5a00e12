package outbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"sealpost/shared/durable"
	"sealpost/shared/message"
)

// DirError means that the outbox, or one of its own directories, is not such
// that a message could be brought to its end there. It is found before a message
// is offered, so that none is delivered whose receipt has no place.
type DirError struct {
	Path, Rule string
	Cause      error // may be nil
}

func (e *DirError) Error() string {
	if e.Cause != nil {
		return e.Path + ": " + e.Rule + ": " + e.Cause.Error()
	}
	return e.Path + ": " + e.Rule
}

func (e *DirError) Unwrap() error { return e.Cause }

// places are the outbox's own directories, in the order of their use.
var places = []string{sendingDir, sentDir, refusedDir}

// prepareDirs makes the directories and finds out whether all that a message's
// way takes can be done in them. It changes nothing where it is plain that it
// cannot.
func (o *run) prepareDirs() error {
	if err := o.intact(); err != nil {
		return err
	}
	return o.box.checkUse()
}

// intact repeats, in a few system calls, what can break while a client runs: a
// directory may be removed, replaced, or mounted over. One that was removed is
// made again, and one that was replaced by another of ours is opened.
func (o *run) intact() error {
	if err := o.box.check(); err != nil {
		return err
	}
	if err := o.box.ensure(places...); err != nil {
		return err
	}
	return o.box.checkRenames()
}

// check looks at what is there: real directories on the outbox's own file system,
// as messages move there by rename, and of nobody else.
func (b *box) check() error {
	if !b.root.InPlace() {
		return b.gone()
	}
	root, err := b.root.Stat()
	if err != nil {
		return err
	}
	for _, name := range places {
		info, err := b.root.Lstat(name)
		rule := ""
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return &DirError{Path: b.path(name), Rule: "it cannot be looked at", Cause: err}
		case !info.IsDir():
			rule = "it must be a directory itself, and is " + kind(info.Mode())
		case !info.SameDevice(root):
			rule = otherSystem
		case !b.trusts(info):
			rule = otherOwner
		}
		if rule != "" {
			return &DirError{Path: b.path(name), Rule: rule}
		}
	}
	return nil
}

const (
	otherSystem = "it must be on the same file system as the outbox, not mounted there"
	otherOwner  = "it must belong to the user that the client runs as, or to the outbox's owner"
)

// gone tells what became of DIR.
func (b *box) gone() error {
	if _, err := os.Stat(b.root.Path()); err != nil {
		return err
	}
	return &DirError{Path: b.root.Path(), Rule: "another directory has taken its place since the client has started"}
}

// ensure opens directories, those that are not open or have been replaced since,
// and makes those that are missing.
func (b *box) ensure(names ...string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range names {
		if b.opened(name) {
			continue
		}
		d, err := b.makePlace(name)
		switch {
		case errors.Is(err, errForeign):
			return &DirError{Path: b.path(name), Rule: otherOwner}
		case errors.Is(err, durable.ErrNotDirectory):
			return &DirError{Path: b.path(name), Rule: "it must be a directory itself"}
		case err != nil:
			return err
		}
		b.places[name] = d // claims may still work in the one before
	}
	return nil
}

// opened reports whether a directory is open, and still has its name.
func (b *box) opened(name string) bool {
	d := b.places[name]
	return d != nil && named(b.root, name, d)
}

// named reports whether an open directory is the one with that name.
func named(in *durable.Dir, name string, d *durable.Dir) bool {
	here, err := in.Lstat(name)
	if err != nil {
		return false
	}
	open, err := d.Stat()
	return err == nil && here.Same(open)
}

func (b *box) makePlace(name string) (*durable.Dir, error) {
	d, err := b.root.Mkdir(name, dirMode, b.heir)
	switch {
	case err == nil:
		err = b.root.Sync()
	case errors.Is(err, fs.ErrExist):
		if d, err = b.sub(b.root, name); err == nil {
			err = b.adopt(d)
		}
	}
	if err != nil && d != nil {
		_ = d.Close()
		d = nil
	}
	return d, err
}

// checkRenames finds a mount of the same file system, which has the same device.
// The kernel compares mounts before it looks for the name, which nothing has.
func (b *box) checkRenames() error {
	nothing := "." + message.NewID().String()
	from := b.root
	for _, name := range places {
		to := b.place(name)
		if errors.Is(from.RenameOnly(nothing, to, nothing), syscall.EXDEV) {
			return &DirError{Path: b.path(name), Rule: otherSystem}
		}
		from = b.sending()
	}
	return nil
}

// checkUse finds out what else a message's way takes: writing, flushing of
// names, the longest name, a lock.
func (b *box) checkUse() error {
	longest := receiptName(strings.Repeat("n", maxStem))
	for _, dir := range []*durable.Dir{b.root, b.sending(), b.place(sentDir), b.place(refusedDir)} {
		if err := dir.Writable(); err != nil {
			return &DirError{Path: dir.Path(), Rule: "it must be writable for the user that the client runs as", Cause: err}
		}
		if err := dir.Sync(); err != nil {
			return &DirError{Path: dir.Path(), Rule: "its names cannot be made durable", Cause: err}
		}
		if _, err := dir.Lstat(longest); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &DirError{Path: dir.Path(), Rule: "it takes no name as long as a receipt's", Cause: err}
		}
	}
	return b.checkLock()
}

func (b *box) checkLock() error {
	lock, err := b.lock(b.sending(), logbookLock, (*durable.Dir).TryLock)
	switch {
	case errors.Is(err, durable.ErrLocked): // by another client, so it works
	case err != nil:
		return &DirError{Path: filepath.Join(b.path(sendingDir), logbookLock), Rule: "locks must work there", Cause: err}
	default:
		_ = lock.Close()
	}
	return nil
}
