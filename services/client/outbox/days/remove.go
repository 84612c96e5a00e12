package days

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable"
)

// remove removes what may go of a day that was renamed away. What has no receipt
// gets the day's name again: over an empty directory at most, as rename(2) has it.
func (u *pruning) remove(away string) error {
	d, err := u.sub(u.Dir, away)
	if err != nil {
		return nil // gone by now, a file, or another user's
	}
	err = u.empty(d)
	_ = d.Close()
	if err != nil {
		return err
	}
	err = u.Dir.RemoveDir(away)
	switch {
	case err == nil:
		u.Days++
	case notEmpty(err):
		day, _ := prunedDay(away)
		u.Kept = append(u.Kept, day)
		if err = u.Dir.RenameOnly(away, u.Dir, day); notEmpty(err) {
			return nil // it stays as it is
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another client was quicker
	}
	return err
}

func notEmpty(err error) bool {
	return errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EEXIST)
}

// empty removes what may go in a directory, and looks again until nothing did: a
// listing may miss names while others go.
func (u *pruning) empty(d *durable.Dir) error {
	for {
		removed := false
		for entries, err := range d.Entries(listed) {
			if err = errors.Join(err, u.ctx.Err()); err != nil {
				return err
			}
			some, err := u.step(d, entries)
			if err != nil {
				return err
			}
			removed = removed || some
		}
		if !removed {
			return nil
		}
	}
}

// step removes what may go of these entries. Messages go first, for good: no power
// cut leaves one without its receipt, which would stay for ever.
func (u *pruning) step(d *durable.Dir, entries []fs.DirEntry) (removed bool, err error) {
	var texts []string
	messages := 0
	for _, e := range entries {
		name := e.Name()
		switch {
		case e.IsDir():
			some, err := u.folder(d, name)
			if err != nil {
				return removed, err
			}
			removed = removed || some
		case !u.removable(d, name):
		case u.alone(name):
			texts = append(texts, name)
		default:
			if err := gone(d.Remove(name)); err != nil {
				return removed, err
			}
			messages++
			texts = append(texts, name+u.Kind.suffix())
		}
	}
	if messages > 0 {
		if err := d.Sync(); err != nil {
			return removed, err
		}
	}
	for _, name := range texts {
		if err := gone(d.Remove(name)); err != nil {
			return removed, err
		}
	}
	u.Messages += messages
	return removed || len(texts) > 0, nil
}

// folder empties a folder in a day and removes it, if nothing stays.
func (u *pruning) folder(d *durable.Dir, name string) (removed bool, err error) {
	below, err := u.sub(d, name)
	if err != nil {
		return false, nil // gone, or another user's: it stays
	}
	defer below.Close()
	if err := u.empty(below); err != nil {
		return false, err
	}
	err = d.RemoveDir(name)
	if notEmpty(err) {
		return false, nil
	}
	return true, gone(err)
}

// gone is nil for what was removed, also by another client.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// removable reports whether a file may go: a message with its receipt, a receipt
// without a message, one that was set aside, and what a crash left of a receipt.
func (u *pruning) removable(d *durable.Dir, name string) bool {
	if u.Kind.isHidden(name) || durable.IsTemp(name) {
		return true
	}
	if _, aside := receipt.SupersededOf(name); aside {
		return u.isText(d, name)
	}
	if message, text := strings.CutSuffix(name, u.Kind.suffix()); text {
		return u.isText(d, name) && !hasFile(d, message)
	}
	info, err := d.Lstat(name)
	return err == nil && info.Mode().IsRegular() && u.isText(d, name+u.Kind.suffix())
}

// alone reports whether what may go is no message.
func (u *pruning) alone(name string) bool { return isText(name) || durable.IsTemp(name) }

// isText reports whether a name is a text's that is not a third user's.
func (u *pruning) isText(d *durable.Dir, name string) bool {
	info, err := d.Lstat(name)
	return err == nil && info.Mode().IsRegular() && info.OursOr(u.Owner)
}
