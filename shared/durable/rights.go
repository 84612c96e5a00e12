package durable

import "io/fs"

// Chown gives the directory to an owner, whoever had it.
func (d *Dir) Chown(owner Owner) error { return owner.Give(d.file) }

// Chmod sets the directory's mode.
func (d *Dir) Chmod(mode fs.FileMode) error { return d.file.Chmod(mode) }

// Give gives an open file of ours to an owner. One that is another's stays theirs.
// One of more names than one is not given away: ErrNotOurs, for the other name may
// be in a place of somebody else.
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
