package disk

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Publish gives a staged file its final name. It replaces nothing: a file that
// is there already is fs.ErrExist.
func (v *Volume) Publish(staged, final string) error {
	if err := v.Announce(Step{Op: OpRename, Name: staged, To: final}); err != nil {
		return err
	}
	dir, from := v.at(staged)
	err := v.within(final, func(toDir int, to string) error {
		return unix.Renameat2(dir, from, toDir, to, unix.RENAME_NOREPLACE)
	})
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return v.publishByLink(staged, final)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: staged, New: final, Err: err}
	}
	return nil
}

// publishByLink does the same where the file system knows no RENAME_NOREPLACE
// (NFS among them). If the staged name cannot be removed it stays behind and the
// call succeeds: a second try would find the final name taken.
func (v *Volume) publishByLink(staged, final string) error {
	dir, from := v.at(staged)
	err := v.within(final, func(toDir int, to string) error { return unix.Linkat(dir, from, toDir, to, 0) })
	if err != nil {
		return &os.LinkError{Op: "link", Old: staged, New: final, Err: err}
	}
	_ = v.Remove(staged)
	return nil
}

// IsFree reports whether nothing has that name.
func (v *Volume) IsFree(name string) (bool, error) {
	_, err := v.stat(name)
	if errors.Is(err, unix.ENOENT) {
		return true, nil
	}
	return false, err
}

// SameFile reports whether two names that are there are those of one file.
func (v *Volume) SameFile(name, other string) (bool, error) {
	a, err := v.stat(name)
	if err != nil {
		return false, err
	}
	b, err := v.stat(other)
	return a.Dev == b.Dev && a.Ino == b.Ino, err
}

func (v *Volume) stat(name string) (st unix.Stat_t, err error) {
	err = v.within(name, func(dir int, path string) error {
		return unix.Fstatat(dir, path, &st, unix.AT_SYMLINK_NOFOLLOW)
	})
	if err != nil {
		err = &os.PathError{Op: "stat", Path: name, Err: err}
	}
	return st, err
}

// Replace gives a file a name that another one may have had.
func (v *Volume) Replace(old, new string) error {
	if err := v.Announce(Step{Op: OpRename, Name: old, To: new}); err != nil {
		return err
	}
	return os.Rename(v.Path(old), v.Path(new))
}

// Remove drops a file, most often in staging. The next start removes what is left
// there, so most callers ignore the error.
func (v *Volume) Remove(name string) error {
	if err := v.Announce(Step{Op: OpRemove, Name: name}); err != nil {
		return err
	}
	err := v.within(name, func(dir int, path string) error { return unix.Unlinkat(dir, path, 0) })
	if err != nil {
		return &os.PathError{Op: "remove", Path: name, Err: err}
	}
	return nil
}

// RemoveStaged drops every message that was on its way in when the last server
// ended, except for files that are to be kept, and what was to replace a file.
func (v *Volume) RemoveStaged(keep map[string]bool) (int, error) {
	entries, err := os.ReadDir(v.Staging(""))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range entries {
		name := StagingDir + "/" + e.Name()
		message := strings.HasPrefix(e.Name(), StagedPrefix)
		part := strings.HasPrefix(e.Name(), PartPrefix)
		if keep[name] || !message && !part && !strings.HasSuffix(e.Name(), NewSuffix) {
			continue
		}
		if err := v.Remove(name); err != nil {
			return n, err
		}
		if message {
			n++
		}
	}
	return n, nil
}
