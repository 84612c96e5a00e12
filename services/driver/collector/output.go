package collector

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"sealpost/shared/durable"
)

// fileMode is the mode of what others may read here, whatever the umask.
const fileMode fs.FileMode = 0o644

// Output is the directory that is collected into, open. Others may be able to
// write there: each file is opened by its name in the open directory, nothing is
// followed, and nothing that lies there is given another mode or owner.
//
// Who runs the driver as root gives what it makes there to the directory's owner,
// who may want to read and remove it.
type Output struct {
	*durable.Dir
	heir   durable.Owner
	uid    int // the directory's owner
	shards shards
}

// makeOutput opens the directory, and makes it where it is missing.
func makeOutput(dir string) (*Output, error) {
	err := durable.MkdirAll(dir, 0o755)
	var o *Output
	if err == nil {
		o, err = OpenOutput(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("output directory: %w", err)
	}
	return o, nil
}

// OpenOutput opens the directory where it exists.
func OpenOutput(dir string) (*Output, error) {
	d, err := durable.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	o := &Output{Dir: d}
	info, err := d.Stat()
	if err == nil {
		o.uid, _ = info.Owner()
		o.heir, err = d.Heir()
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return o, nil
}

// path is that of a file in the directory, for people.
func (o *Output) path(name string) string { return filepath.Join(o.Path(), name) }

// WriteFile replaces a file: as [durable.Dir.WriteFile] does, readable for all, and
// with the owner of everything there.
func (o *Output) WriteFile(name string, data []byte) error {
	return o.Dir.WriteFile(name, data, fileMode, o.heir)
}

// ReadFile reads a file of ours, of at most most bytes: the errors are those of
// [durable.Dir.ReadFile], and one for a file that a neighbour may have put there.
func (o *Output) ReadFile(name string, most int64) ([]byte, error) {
	return o.Dir.ReadFileIf(name, most, func(f *os.File) error {
		_, err := o.plain(f)
		return err
	})
}

// errNotPlain means that something else stands where a file of ours belongs.
var errNotPlain = errors.New("it is not a plain file of one name, ours or the directory owner's")

// plain returns what is known of an open file, and an error where it may be
// somebody else's: it has other names, or belongs neither to us nor to the owner of
// the directory.
func (o *Output) plain(f *os.File) (durable.Info, error) {
	info, err := durable.Stat(f)
	if err != nil {
		return info, err
	}
	if !info.Mode().IsRegular() || info.Links() != 1 || !o.trusts(info) {
		return info, &fs.PathError{Op: "open", Path: f.Name(), Err: errNotPlain}
	}
	return info, nil
}

// trusts reports whether a file is ours, or the directory owner's. A neighbour can
// change theirs after any check.
func (o *Output) trusts(info durable.Info) bool { return info.OursOr(o.uid) }

// open opens a file of ours for reading and writing, or makes it with that mode.
func (o *Output) open(name string, mode fs.FileMode) (*os.File, error) {
	f, err := o.Open(name, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return o.make(name, mode)
	}
	if err != nil {
		return nil, err
	}
	if _, err := o.plain(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// make makes a file: fs.ErrExist where the name is taken.
func (o *Output) make(name string, mode fs.FileMode) (*os.File, error) {
	return o.Create(name, mode, o.heir)
}

// openPart opens the temporary file of a transfer: one that an earlier run left, if
// nobody else can have it open for writing. What else lies in its place is taken
// away: its name alone is lost by that.
func (o *Output) openPart(name string) (*os.File, error) {
	f, err := o.Open(name, os.O_RDWR, 0)
	if err == nil {
		info, err := o.plain(f)
		if err == nil && info.Mode().Perm() == fileMode {
			return f, nil
		}
		_ = f.Close() // nothing was written
	}
	return o.makePart(name)
}

// makePart makes the temporary file of a transfer, in the place of whatever has its
// name.
func (o *Output) makePart(name string) (*os.File, error) {
	f, err := o.make(name, fileMode)
	if !errors.Is(err, fs.ErrExist) {
		return f, err
	}
	if err := o.clear(name); err != nil {
		return nil, err
	}
	return o.make(name, fileMode)
}

// clear takes a name away, whatever has it; a directory must be empty.
func (o *Output) clear(name string) error {
	err := o.Remove(name)
	if errors.Is(err, syscall.EISDIR) {
		err = o.RemoveDir(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// lock takes the directory for this process.
func (o *Output) lock() (*durable.FileLock, error) {
	lock, err := o.LockFile(lockName)
	if err != nil {
		return nil, inUse(err)
	}
	return lock, nil
}

const (
	// forkWait is how long the lock of a driver is waited for that was killed: a hook that
	// was being started then holds it until its program runs (flock(2), fork).
	forkWait = time.Second
	lockPoll = 10 * time.Millisecond
)

// LockFile takes a lock, and waits for it no longer than a moment: durable.ErrLocked. Its
// file is made here, so that it gets the owner of all that is here.
func (o *Output) LockFile(name string) (*durable.FileLock, error) {
	return o.lockWithin(name, forkWait)
}

// lockWithin does not wait for ever: somebody else may have put the lock there.
func (o *Output) lockWithin(name string, wait time.Duration) (*durable.FileLock, error) {
	f, err := o.open(name, 0o600)
	if err != nil {
		return nil, err
	}
	_ = f.Close() // nothing was written
	for tries := wait / lockPoll; ; tries-- {
		lock, err := o.TryLock(name)
		if !errors.Is(err, durable.ErrLocked) || tries <= 0 {
			return lock, err
		}
		time.Sleep(lockPoll)
	}
}
