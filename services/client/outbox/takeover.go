package outbox

import (
	"errors"
	"io/fs"
	"strings"

	"sealpost/shared/durable"
	"sealpost/shared/message"
)

// takeOver takes a claim whose holder is dead: nil where the holder lives, or
// where there was nothing left to take.
func (o *run) takeOver(id message.ID) (*claim, error) {
	c := &claim{box: o.box, id: id, in: o.box.sending(), taken: true}
	err := c.hold(id.String())
	switch {
	case errors.Is(err, durable.ErrLocked), errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		o.leaveClaim(c, &RecordError{Dir: c.path(), Rule: "it cannot be locked", Cause: err}, false)
		return nil, nil
	}
	o.step("taken over")
	if err := o.findFile(c); err != nil {
		o.leaveClaim(c, err, false)
		c.release()
		return nil, nil
	}
	if c.name == "" {
		c.release()
		return nil, nil
	}
	return c, nil
}

// hold opens the claim with that name and takes its lock: fs.ErrNotExist where
// its holder has moved it away before that.
func (c *claim) hold(name string) (err error) {
	if c.dir, err = c.box.sub(c.in, name); err != nil {
		return err
	}
	if err := c.takeLock(name); err != nil {
		c.release()
		return err
	}
	return nil
}

// takeLock takes the open claim's lock. The claim may be at its end by then, in
// another directory.
func (c *claim) takeLock(name string) (err error) {
	if c.lock, err = c.box.lock(c.dir, lockName, (*durable.Dir).TryLock); err != nil {
		return err
	}
	if !named(c.in, name, c.dir) {
		_ = c.dir.Remove(lockName) // made by us, after its holder was through
		return &fs.PathError{Op: "lock", Path: c.path(), Err: fs.ErrNotExist}
	}
	return nil
}

// findFile sets the name of the claim's file. A claim without one is removed:
// its holder died before the file was in it, so nothing was sent from there.
func (o *run) findFile(c *claim) error {
	names, err := c.files()
	switch {
	case err != nil:
		return &RecordError{Dir: c.path(), Rule: "it cannot be read", Cause: err}
	case len(names) == 1:
		c.name = names[0]
		return nil
	case len(names) > 1:
		return &RecordError{Dir: c.path(), Rule: "there is more than one file in it"}
	}
	if err := c.clear(c.id.String()); err != nil {
		return &RecordError{Dir: c.path(), Rule: "no file is in it, and it cannot be removed", Cause: err}
	}
	return nil
}

// files returns what is in a claim besides the outbox's own files: one name.
func (c *claim) files() ([]string, error) {
	entries, err := c.dir.ReadDir()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !accompanies(e.Name(), entries) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// accompanies reports whether name is the receipt or the reason of another
// file in the claim: its holder died after writing that.
func accompanies(name string, entries []fs.DirEntry) bool {
	for _, other := range entries {
		if o := other.Name(); o != name && !strings.HasPrefix(o, ".") &&
			(name == receiptName(o) || name == reasonName(o)) {
			return true
		}
	}
	return false
}

// sweep removes claims whose holders died before anybody could see them.
func (o *run) sweep() error {
	entries, err := o.box.sending().ReadDir()
	if err != nil {
		return err
	}
	for _, e := range entries {
		hidden, dotted := strings.CutPrefix(e.Name(), ".")
		id, err := message.ParseID(hidden)
		if !dotted || err != nil || !e.IsDir() {
			continue
		}
		c := &claim{box: o.box, id: id, in: o.box.sending()}
		if err := c.hold(e.Name()); err != nil {
			continue // its holder lives, or is through
		}
		_ = c.clear(e.Name())
		c.release()
	}
	return nil
}
