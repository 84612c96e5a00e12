package outbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"sealpost/shared/durable"
)

// box is an open outbox: DIR, and its own directories, each opened once. Others
// may write into DIR and put something else in the place of any name, so that
// nothing is walked to by path: all work is relative to these descriptors, and to
// those of the claims.
//
// Nor is anything taken that a third user may have made: of the directories, the
// claims, and the files in them, those of the user that this process runs as and
// of the outbox's owner. Only messages may be anybody's.
type box struct {
	root  *durable.Dir
	owner int           // user id of DIR's owner
	heir  durable.Owner // to whom belongs what is made here

	mu     sync.Mutex
	places map[string]*durable.Dir
}

var errForeign = errors.New("it belongs to another user")

// openBox opens DIR, and not yet its directories.
func openBox(path string) (*box, error) {
	root, err := durable.OpenDir(path)
	if err != nil {
		return nil, err
	}
	info, err := root.Stat()
	if err == nil {
		b := &box{root: root, places: make(map[string]*durable.Dir)}
		b.owner, _ = info.Owner()
		if b.heir, err = root.Heir(); b.heir.UID == 0 {
			b.heir = durable.Keep
		}
		if err == nil {
			return b, nil
		}
	}
	_ = root.Close()
	return nil, err
}

func (b *box) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.places {
		_ = d.Close()
	}
	_ = b.root.Close()
}

func (b *box) path(name string) string { return filepath.Join(b.root.Path(), name) }

// place returns one of the outbox's own directories.
func (b *box) place(name string) *durable.Dir {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.places[name]
}

func (b *box) sending() *durable.Dir { return b.place(sendingDir) }

// trusts reports whether a file is our own, or the outbox's owner's.
func (b *box) trusts(info durable.Info) bool { return info.OursOr(b.owner) }

// checkDir is errForeign for a directory that a third user made.
func (b *box) checkDir(d *durable.Dir) error {
	info, err := d.Stat()
	if err == nil && !b.trusts(info) {
		err = errForeign
	}
	return err
}

// sub opens a directory, and none of a third user's.
func (b *box) sub(in *durable.Dir, name string) (*durable.Dir, error) {
	d, err := in.Sub(name)
	if err != nil {
		return nil, err
	}
	if err := b.checkDir(d); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// read reads a file of the outbox's own, and none of a third user's: as
// [durable.Dir.ReadFile] does.
func (b *box) read(in *durable.Dir, name string, most int64) ([]byte, error) {
	return in.ReadFileIf(name, most, func(f *os.File) error {
		info, err := durable.Stat(f)
		if err == nil && !b.trusts(info) {
			err = errForeign
		}
		return err
	})
}

// lock takes a lock by one of durable's methods, on no file of a third user's.
// What is made is the heir's, so that it can take the lock, too.
func (b *box) lock(in *durable.Dir, name string,
	take func(*durable.Dir, string) (*durable.FileLock, error)) (*durable.FileLock, error) {
	if err := b.makeLock(in, name); err != nil {
		return nil, err
	}
	lock, err := take(in, name)
	if err != nil {
		return nil, err
	}
	info, err := lock.Info()
	if err == nil && !b.trusts(info) {
		err = errForeign
	}
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	return lock, nil
}

func (b *box) makeLock(in *durable.Dir, name string) error {
	if b.heir == durable.Keep {
		return nil // whoever takes it makes it
	}
	f, err := in.Create(name, lockMode, b.heir)
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
func (b *box) adopt(d *durable.Dir) error {
	if b.heir == durable.Keep {
		return nil
	}
	err := d.Adopt(b.heir)
	if errors.Is(err, durable.ErrNotOurs) {
		return nil
	}
	return err
}

// planted reports whether a message's file may be another one's that somebody
// gave a name here: a link that its maker could not read, where the system lets
// everybody link everything (fs.protected_hardlinks=0). One with a single name is
// none. One with more is, unless only its own owner, or we, can make names here.
func (b *box) planted(file durable.Info) (bool, error) {
	if file.Links() <= 1 {
		return false, nil
	}
	dir, err := b.root.Stat()
	if err != nil {
		return false, err
	}
	uid, _ := file.Owner()
	alone := dir.Mode().Perm()&0o022 == 0 && (b.owner == os.Geteuid() || b.owner == uid)
	return !alone, nil
}
