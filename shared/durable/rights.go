package durable

import "io/fs"

// Chown gives the directory to an owner, whoever had it.
func (d *Dir) Chown(owner Owner) error { return owner.Give(d.file) }

// Chmod sets the directory's mode.
func (d *Dir) Chmod(mode fs.FileMode) error { return d.file.Chmod(mode) }

// Give gives an open file of ours to an owner. A file of another user keeps its
// owner. A file with several names is ErrNotOurs: another name may be in a
// directory of somebody else.
func (l *FileLock) Give(owner Owner) error {
	info, err := l.Info()
	if err != nil {
		return err
	}
	if info.Links() > 1 {
		return &fs.PathError{Op: "chown", Path: l.file.Name(), Err: ErrNotOurs}
	}
	if !info.Ours() {
		return nil
	}
	return owner.Give(l.file)
}
