// Package disk is the one place where the logbook touches its file system. It
// knows files, names and flushes, and nothing of what is kept in them.
//
// Guaranteed: each operation that durability rests on is announced before it
// happens, so that tests can watch it, or have it fail; no operation follows a
// link in its last component, or in the place of a shard directory; Publish replaces
// nothing.
//
// Not guaranteed: that bytes or names are on the disk before they are flushed.
package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sealpost/shared/durable"
)

// The two directories of a volume, on one file system.
const (
	LogsDir    = "logs"    // 0755: what others read
	StagingDir = "staging" // 0700: what is on its way there, and the server's own
)

const (
	lockName = "lock"
	// StagedPrefix begins the names of messages on their way in.
	StagedPrefix = "m-"
	// PartPrefix begins the names of what is known of such that can go on later.
	PartPrefix = "p-"
	// NewSuffix ends the names of files that are to replace others.
	NewSuffix = ".new"
)

// Volume is a directory with those two in it. Names that its methods take are
// paths below it.
type Volume struct {
	dir   string
	seams Seams
	root  *os.File // dir, between OpenRoot and Close
}

// New returns the volume in dir, of which nothing need exist yet.
func New(dir string) *Volume { return NewWithSeams(dir, Seams{}) }

// OpenRoot opens the volume's directory, so that until Close the calls below need
// not resolve its path.
func (v *Volume) OpenRoot() (err error) {
	v.root, err = os.Open(v.dir)
	return err
}

// Close ends what OpenRoot began.
func (v *Volume) Close() error { return v.root.Close() }

// Dir returns the volume's directory.
func (v *Volume) Dir() string { return v.dir }

// Path returns the path of a name.
func (v *Volume) Path(name string) string { return filepath.Join(v.dir, name) }

// Staging returns the path of a file in StagingDir.
func (v *Volume) Staging(name string) string { return filepath.Join(v.dir, StagingDir, name) }

// Logs returns the path of a file in LogsDir.
func (v *Volume) Logs(name string) string { return filepath.Join(v.dir, LogsDir, name) }

// Lock makes the directories and keeps all other servers from the volume.
// durable.ErrLocked means that another one has it.
func (v *Volume) Lock() (*durable.FileLock, error) {
	if err := v.Prepare(); err != nil {
		return nil, err
	}
	lock, err := durable.TryLock(v.Staging(lockName))
	if err != nil {
		return nil, fmt.Errorf("volume %s: %w", v.dir, err)
	}
	return lock, nil
}

// HoldsLock reports whether lock is still that of the volume: another file may
// have been put in its place.
func (v *Volume) HoldsLock(lock *durable.FileLock) bool { return lock.Holds(v.Staging(lockName)) }

// Prepare makes the two directories with the modes that their readers need,
// whatever the umask, and gives them to those that an earlier start left without.
func (v *Volume) Prepare() error {
	if err := durable.MkdirAll(v.dir, 0o755); err != nil {
		return err
	}
	for _, d := range []struct {
		path string
		mode fs.FileMode
	}{{v.Logs(""), 0o755}, {v.Staging(""), 0o700}} {
		if err := prepareDir(d.path, d.mode); err != nil {
			return err
		}
	}
	return v.SyncDir("")
}

func prepareDir(path string, mode fs.FileMode) error {
	if err := durable.MkdirAll(path, mode); err != nil {
		return err
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	// A directory of another user's is for that user to open or close.
	if err := ensureMode(int(d.Fd()), mode); err != nil && !errors.Is(err, fs.ErrPermission) {
		return &os.PathError{Op: "chmod", Path: path, Err: err}
	}
	return nil
}
