// Package box opens an outbox, DIR, and its own directories, each once, and says
// what in them is to be trusted.
//
// Others may write into DIR and put something else in the place of any name, so
// that nothing is walked to by path: all work is relative to these descriptors, and
// to those of what is opened below them.
//
// Nor is anything taken that a third user may have made: of the directories, locks
// and files that are the outbox's own, those of the user that this process runs as
// and of the outbox's owner. Only messages may be anybody's.
//
// Not guaranteed: anything against the outbox's owner, or whoever runs as this
// process does.
package box

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"sealpost/shared/durable"
)

// The outbox's own directories. The first is not seen by pollers of DIR.
const (
	Sending = ".sending"
	Sent    = "sent"
	Refused = "refused"
)

// The modes of what is made here.
const (
	DirMode  = 0o755
	FileMode = 0o644
	lockMode = 0o600
)

// Box is an open outbox. Safe for concurrent use, but for Close.
type Box struct {
	Root  *durable.Dir
	Owner int           // user id of DIR's owner
	Heir  durable.Owner // to whom belongs what is made here

	mu     sync.Mutex
	places map[string]*durable.Dir
}

// ErrForeign means that something is a third user's.
var ErrForeign = errors.New("it belongs to another user")

// ErrPlanted means that a file may be one that its putter could not read.
var ErrPlanted = errors.New("it has another name somewhere (a hard link), " +
	"and others may write into the outbox: put a copy in")

// Open opens DIR, and not yet its directories.
func Open(path string) (*Box, error) {
	root, err := durable.OpenDir(path)
	if err != nil {
		return nil, err
	}
	info, err := root.Stat()
	if err == nil {
		b := &Box{Root: root, places: make(map[string]*durable.Dir)}
		b.Owner, _ = info.Owner()
		if b.Heir, err = root.Heir(); b.Heir.UID == 0 {
			b.Heir = durable.Keep
		}
		if err == nil {
			return b, nil
		}
	}
	_ = root.Close()
	return nil, err
}

// Close gives the descriptors back.
func (b *Box) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.places {
		_ = d.Close()
	}
	_ = b.Root.Close()
}

func (b *Box) path(name string) string { return filepath.Join(b.Root.Path(), name) }

// Place returns one of the outbox's own directories, as it was opened last.
func (b *Box) Place(name string) *durable.Dir {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.places[name]
}

// Trusts reports whether a file is our own, or the outbox's owner's.
func (b *Box) Trusts(info durable.Info) bool { return info.OursOr(b.Owner) }

// CheckDir is ErrForeign for a directory that a third user made.
func (b *Box) CheckDir(d *durable.Dir) error {
	info, err := d.Stat()
	if err == nil && !b.Trusts(info) {
		err = ErrForeign
	}
	return err
}

// Sub opens a directory, and none of a third user's.
func (b *Box) Sub(in *durable.Dir, name string) (*durable.Dir, error) {
	d, err := in.Sub(name)
	if err != nil {
		return nil, err
	}
	if err := b.CheckDir(d); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// Read reads a file of the outbox's own, and none of a third user's: as
// [durable.Dir.ReadFile] does.
func (b *Box) Read(in *durable.Dir, name string, most int64) ([]byte, error) {
	return in.ReadFileIf(name, most, func(f *os.File) error {
		info, err := durable.Stat(f)
		if err == nil && !b.Trusts(info) {
			err = ErrForeign
		}
		return err
	})
}

// Lock takes a lock by one of durable's methods, on no file of a third user's.
// What is made is the heir's, so that it can take the lock, too.
func (b *Box) Lock(in *durable.Dir, name string,
	take func(*durable.Dir, string) (*durable.FileLock, error)) (*durable.FileLock, error) {
	if err := b.makeLock(in, name); err != nil {
		return nil, err
	}
	lock, err := take(in, name)
	if err != nil {
		return nil, err
	}
	info, err := lock.Info()
	if err == nil && !b.Trusts(info) {
		err = ErrForeign
	}
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	return lock, nil
}

func (b *Box) makeLock(in *durable.Dir, name string) error {
	if b.Heir == durable.Keep {
		return nil // whoever takes it makes it
	}
	f, err := in.Create(name, lockMode, b.Heir)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// adopt gives the heir a directory that is root's, as an earlier run left it.
// Nothing is given away but what is ours, and by descriptor.
func (b *Box) adopt(d *durable.Dir) error {
	if b.Heir == durable.Keep {
		return nil
	}
	err := d.Adopt(b.Heir)
	if errors.Is(err, durable.ErrNotOurs) {
		return nil
	}
	return err
}

// CheckPlanted is ErrPlanted for an open file that somebody may have planted in a
// directory: DIR, or one below it; nil where that is not known.
func (b *Box) CheckPlanted(in *durable.Dir, file durable.Info) error {
	planted, err := planted(in, file)
	if err == nil && planted {
		err = ErrPlanted
	}
	return err
}

// planted reports whether a message's file may be another one's that somebody
// gave a name here: a link that its maker could not read, where the system lets
// everybody link everything (fs.protected_hardlinks=0). One with a single name is
// none. One with more is, unless only its own owner, or we, can make names here.
func planted(in *durable.Dir, file durable.Info) (bool, error) {
	if file.Links() <= 1 || in == nil {
		return file.Links() > 1, nil
	}
	dir, err := in.Stat()
	if err != nil {
		return false, err
	}
	uid, _ := file.Owner()
	owner, _ := dir.Owner()
	alone := dir.Mode().Perm()&0o022 == 0 && (owner == os.Geteuid() || owner == uid)
	return !alone, nil
}
