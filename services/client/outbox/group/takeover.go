package group

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"sealpost/services/client/outbox/box"
	"sealpost/shared/bounded"
	"sealpost/shared/durable"
	"sealpost/shared/message"
)

// TakeOver takes a group whose holder is dead: nil where the holder lives, or where
// there was nothing left to take. The error is a *RecordError.
func TakeOver(b *box.Box, id message.ID, step func(string)) (*Group, error) {
	g := &Group{ID: id, box: b, in: b.Place(box.Sending), step: step, taken: true}
	err := g.hold(id.String())
	switch {
	case errors.Is(err, durable.ErrLocked), errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, &RecordError{Dir: g.Path(), Rule: "it cannot be locked", Cause: err}
	}
	g.step("taken over")
	left, err := g.look()
	if err != nil || !left {
		g.Release()
		return nil, err
	}
	return g, nil
}

// hold opens the group with that name and takes its lock: fs.ErrNotExist where its
// holder has removed it before that.
func (g *Group) hold(name string) (err error) {
	if g.dir, err = g.box.Sub(g.in, name); err != nil {
		return err
	}
	if err := g.takeLock(name); err != nil {
		g.Release()
		return err
	}
	return nil
}

// takeLock takes the open group's lock. The group may be at its end by then.
func (g *Group) takeLock(name string) (err error) {
	if g.lock, err = g.box.Lock(g.dir, lockName, (*durable.Dir).TryLock); err != nil {
		return err
	}
	if !box.Named(g.in, name, g.dir) {
		_ = g.dir.Remove(lockName) // made by us, after its holder was through
		return &fs.PathError{Op: "lock", Path: g.Path(), Err: fs.ErrNotExist}
	}
	return nil
}

// look reads what a dead holder left. left is false for a group that it did not come
// to fill, or had emptied: that is removed.
func (g *Group) look() (left bool, err error) {
	g.files, err = g.box.Sub(g.dir, filesDir)
	if _, lost := g.dir.Lstat(belowDir); lost == nil && errors.Is(err, fs.ErrNotExist) {
		// Of the two the disk may have kept this one alone.
		g.files, err = g.dir.Mkdir(filesDir, box.DirMode, g.box.Heir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		if !g.onlyOurs() {
			return false, &RecordError{Dir: g.Path(), Rule: "it is no group of messages as this version leaves it"}
		}
		return false, g.Clear()
	}
	if err == nil {
		g.names, err = list(g.files)
	}
	if err == nil {
		err = g.listBelow()
	}
	if err != nil {
		return false, &RecordError{Dir: g.Path(), Rule: "it cannot be read", Cause: err}
	}
	if err := g.readRecords(); err != nil {
		return false, err
	}
	if len(g.names) == 0 && len(g.records) == 0 {
		return false, g.Clear()
	}
	return true, nil
}

// list returns the names of the messages that lay in DIR itself.
func list(files *durable.Dir) ([]string, error) {
	var names []string
	for entries, err := range files.Entries(Most) {
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				names = append(names, e.Name())
			}
		}
		if len(names) > Most {
			return nil, errTooMany
		}
	}
	return names, nil
}

// readRecords reads the records that are there. Those that are not whole are none.
func (g *Group) readRecords() error {
	text, err := g.box.Read(g.dir, recordsName, maxRecords)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, bounded.ErrTooLong):
		return &RecordError{Dir: g.Path(), Rule: "its records are damaged", Cause: errTooLong}
	case err != nil:
		return &RecordError{Dir: g.Path(), Rule: "its records cannot be read", Cause: err}
	}
	if g.records, err = parseRecords(text); err != nil && !errors.Is(err, errTorn) {
		return &RecordError{Dir: g.Path(), Rule: "its records are damaged", Cause: err}
	}
	return nil
}

// TakenOver reports whether the group was another process's, or let go before.
func (g *Group) TakenOver() bool { return g.taken }

// Ended lists the messages that the dead holder of a group had brought to their end,
// which may not be durable yet.
func (g *Group) Ended() []Record {
	left := make(map[string]bool, len(g.names))
	for _, name := range g.names {
		left[name] = true
	}
	return slices.DeleteFunc(slices.Clone(g.records), func(r Record) bool { return left[r.Name] })
}

// Sweep removes groups whose holders died before anybody could see them.
func Sweep(b *box.Box) error {
	in := b.Place(box.Sending)
	entries, err := in.ReadDir()
	if err != nil {
		return err
	}
	for _, e := range entries {
		hidden, dotted := strings.CutPrefix(e.Name(), ".")
		id, err := message.ParseID(hidden)
		if !dotted || err != nil || !e.IsDir() {
			continue
		}
		g := &Group{ID: id, box: b, in: in}
		if err := g.hold(e.Name()); err != nil {
			continue // its holder lives, or is through
		}
		_ = g.clear(e.Name())
		g.Release()
	}
	return nil
}

// IDs lists the groups that others can see.
func IDs(sending *durable.Dir) (ids []message.ID, err error) {
	entries, err := sending.ReadDir()
	for _, e := range entries {
		if id, err := message.ParseID(e.Name()); err == nil && e.IsDir() {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// Each visits the messages in a group, whoever holds it: none where it is gone. The
// directory is open until visit returns.
func Each(sending *durable.Dir, id message.ID, visit func(in *durable.Dir, name string)) error {
	d, err := sending.Sub(id.String())
	if err != nil {
		return ignoreGone(err)
	}
	defer d.Close()
	return errors.Join(eachBelow(d, filesDir, visit), eachBelow(d, belowDir, visit))
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
