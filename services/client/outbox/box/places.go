package box

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sealpost/shared/durable"
	"sealpost/shared/message"
)

// Places are the outbox's own directories, in the order of their use.
var Places = []string{Sending, Sent, Refused}

// Prepare makes the directories and finds out whether all that a message's way
// takes can be done in them: a *DirError. It changes nothing where it is plain that
// it cannot.
func (b *Box) Prepare() error {
	if err := b.Intact(); err != nil {
		return err
	}
	return b.checkUse()
}

// Intact repeats, in a few system calls, what can break while a client runs: a
// directory may be removed, replaced, or mounted over. One that was removed is
// made again, and one that was replaced by another of ours is opened.
func (b *Box) Intact() error {
	if err := b.check(); err != nil {
		return err
	}
	if err := b.Ensure(Places...); err != nil {
		return err
	}
	return b.checkRenames()
}

// check looks at what is there: real directories on the outbox's own file system,
// as messages move there by rename, and of nobody else.
func (b *Box) check() error {
	if !b.Root.InPlace() {
		return b.Gone()
	}
	root, err := b.Root.Stat()
	if err != nil {
		return err
	}
	for _, name := range Places {
		info, err := b.Root.Lstat(name)
		rule := ""
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return &DirError{Path: b.path(name), Rule: "it cannot be looked at", Cause: err}
		case !info.IsDir():
			rule = "it must be a directory itself, and is " + Kind(info.Mode())
		case !info.SameDevice(root):
			rule = otherSystem
		case !b.Trusts(info):
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

// Gone tells what became of DIR.
func (b *Box) Gone() error {
	if _, err := os.Stat(b.Root.Path()); err != nil {
		return err
	}
	return &DirError{Path: b.Root.Path(), Rule: "another directory has taken its place since the client has started"}
}

// Ensure opens directories, those that are not open or have been replaced since,
// and makes those that are missing.
func (b *Box) Ensure(names ...string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range names {
		if b.opened(name) {
			continue
		}
		d, err := b.makePlace(name)
		switch {
		case errors.Is(err, ErrForeign):
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
func (b *Box) opened(name string) bool {
	d := b.places[name]
	return d != nil && Named(b.Root, name, d)
}

// Named reports whether an open directory is the one with that name.
func Named(in *durable.Dir, name string, d *durable.Dir) bool {
	here, err := in.Lstat(name)
	if err != nil {
		return false
	}
	open, err := d.Stat()
	return err == nil && here.Same(open)
}

func (b *Box) makePlace(name string) (*durable.Dir, error) {
	d, err := b.Root.Mkdir(name, DirMode, b.Heir)
	switch {
	case err == nil:
		err = b.Root.Sync()
	case errors.Is(err, fs.ErrExist):
		if d, err = b.Sub(b.Root, name); err == nil {
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
func (b *Box) checkRenames() error {
	from := b.Root
	for _, name := range Places {
		if !from.SameMount(b.Place(name)) {
			return &DirError{Path: b.path(name), Rule: otherSystem}
		}
		from = b.Place(Sending)
	}
	return nil
}

// checkUse finds out what else a message's way takes: writing, flushing of
// names, the longest name, a lock.
func (b *Box) checkUse() error {
	longest := strings.Repeat("n", message.MaxName)
	for _, dir := range []*durable.Dir{b.Root, b.Place(Sending), b.Place(Sent), b.Place(Refused)} {
		if err := dir.Writable(); err != nil {
			return &DirError{Path: dir.Path(), Rule: "it must be writable for the user that the client runs as", Cause: err}
		}
		if err := dir.Sync(); err != nil {
			return &DirError{Path: dir.Path(), Rule: "its names cannot be made durable", Cause: err}
		}
		if _, err := dir.Lstat(longest); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &DirError{Path: dir.Path(), Rule: "it takes no name as long as a message's", Cause: err}
		}
	}
	return b.checkLock()
}

func (b *Box) checkLock() error {
	lock, err := b.Lock(b.Place(Sending), logbookLock, (*durable.Dir).TryLock)
	switch {
	case errors.Is(err, durable.ErrLocked): // by another client, so it works
	case err != nil:
		return &DirError{Path: filepath.Join(b.path(Sending), logbookLock), Rule: "locks must work there", Cause: err}
	default:
		_ = lock.Close()
	}
	return nil
}
