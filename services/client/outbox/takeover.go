package outbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sealpost/shared/durable"
	"sealpost/shared/message"
)

// takeOver takes a claim whose holder is dead: nil where the holder lives, or
// where there was nothing left to take.
func (o *run) takeOver(id message.ID) (*claim, error) {
	c := &claim{id: id, dir: o.path(sendingDir, id.String()), taken: true}
	lock, err := durable.TryLock(filepath.Join(c.dir, lockName))
	switch {
	case errors.Is(err, durable.ErrLocked), errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		o.leaveClaim(c, &RecordError{Dir: c.dir, Rule: "it cannot be locked", Cause: err}, false)
		return nil, nil
	}
	c.lock = lock // TryLock saw to it that this is still the lock at that path
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

// findFile sets the name of the claim's file. A claim without one is removed:
// its holder died before the file was in it, so nothing was sent from there.
func (o *run) findFile(c *claim) error {
	names, err := c.files()
	switch {
	case err != nil:
		return &RecordError{Dir: c.dir, Rule: "it cannot be read", Cause: err}
	case len(names) == 1:
		c.name = names[0]
		return nil
	case len(names) > 1:
		return &RecordError{Dir: c.dir, Rule: "there is more than one file in it"}
	}
	if err := clearClaim(c.dir); err != nil {
		return &RecordError{Dir: c.dir, Rule: "no file is in it, and it cannot be removed", Cause: err}
	}
	return nil
}

// files returns what is in a claim besides the outbox's own files: one name.
func (c *claim) files() ([]string, error) {
	entries, err := os.ReadDir(c.dir)
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
	entries, err := os.ReadDir(o.path(sendingDir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		hidden, dotted := strings.CutPrefix(e.Name(), ".")
		if _, err := message.ParseID(hidden); !dotted || err != nil || !e.IsDir() {
			continue
		}
		dir := o.path(sendingDir, e.Name())
		lock, err := durable.TryLock(filepath.Join(dir, lockName))
		if err != nil {
			continue // its holder lives, or is through
		}
		_ = clearClaim(dir)
		_ = lock.Close()
	}
	return nil
}
