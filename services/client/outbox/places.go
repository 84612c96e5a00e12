package outbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

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
	if err := checkPlaces(o.Dir); err != nil {
		return err
	}
	if err := o.makeDirs(); err != nil {
		return err
	}
	if err := o.intact(); err != nil {
		return err
	}
	return o.checkUse()
}

// intact repeats, in a few system calls, what can break while a client runs: a
// directory may be removed, replaced, or mounted over.
func (o *run) intact() error {
	if err := checkPlaces(o.Dir); err != nil {
		return err
	}
	for _, name := range places {
		if _, err := os.Lstat(o.path(name)); errors.Is(err, fs.ErrNotExist) {
			if err := o.makeDirs(); err != nil {
				return err
			}
		}
	}
	return o.checkRenames()
}

// checkPlaces looks at what is there: real directories on the outbox's own file
// system, as messages move there by rename.
func checkPlaces(dir string) error {
	root, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !root.IsDir() {
		return &fs.PathError{Op: "open", Path: dir, Err: syscall.ENOTDIR}
	}
	for _, name := range places {
		path := filepath.Join(dir, name)
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return &DirError{Path: path, Rule: "it cannot be looked at", Cause: err}
		case !info.IsDir():
			return &DirError{Path: path, Rule: "it must be a directory itself, and is " + kind(info.Mode())}
		case deviceOf(info) != deviceOf(root):
			return &DirError{Path: path, Rule: otherSystem}
		}
	}
	return nil
}

const otherSystem = "it must be on the same file system as the outbox, not mounted there"

func deviceOf(info fs.FileInfo) any { return info.Sys().(*syscall.Stat_t).Dev }

// checkRenames finds a mount of the same file system, which has the same device.
// The kernel compares mounts before it looks for the name, which nothing has.
func (o *run) checkRenames() error {
	nothing := "." + message.NewID().String()
	from := o.Dir
	for _, name := range places {
		err := os.Rename(filepath.Join(from, nothing), o.path(name, nothing))
		if errors.Is(err, syscall.EXDEV) {
			return &DirError{Path: o.path(name), Rule: otherSystem}
		}
		from = o.path(sendingDir)
	}
	return nil
}

// checkUse finds out what else a message's way takes: writing, flushing of
// names, the longest name, a lock.
func (o *run) checkUse() error {
	// That of the receipt, in a directory with the longest path.
	longest := receiptName(strings.Repeat("n", message.MaxName))
	for _, dir := range []string{o.Dir, o.path(sendingDir), o.path(sentDir), o.path(refusedDir)} {
		if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
			return &DirError{Path: dir, Rule: "it must be writable for the user that the client runs as", Cause: err}
		}
		if err := durable.SyncDir(dir); err != nil {
			return &DirError{Path: dir, Rule: "its names cannot be made durable", Cause: err}
		}
		_, err := os.Lstat(filepath.Join(dir, message.ID{}.String(), longest))
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			_, err = os.Lstat(filepath.Join(dir, longest))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &DirError{Path: dir, Rule: "it takes no name as long as a receipt's", Cause: err}
		}
	}
	return o.checkLock()
}

func (o *run) checkLock() error {
	path := o.path(sendingDir, logbookLock)
	err := o.owner.makeLock(path)
	var lock *durable.FileLock
	if err == nil {
		lock, err = durable.TryLock(path)
	}
	switch {
	case errors.Is(err, durable.ErrLocked): // by another client, so it works
	case err != nil:
		return &DirError{Path: path, Rule: "locks must work there", Cause: err}
	default:
		_ = lock.Close()
	}
	return nil
}

func (o *run) makeDirs() error {
	for _, name := range places {
		if err := durable.MkdirAll(o.path(name), dirMode); err != nil {
			return err
		}
		if err := o.owner.adopt(o.path(name)); err != nil {
			return err
		}
	}
	return nil
}
