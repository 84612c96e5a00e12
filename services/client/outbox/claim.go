package outbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"sealpost/shared/durable"
	"sealpost/shared/message"
)

// Names below DIR. Everything that is not a message starts with a dot, or is a
// directory, so that no client takes it for one.
const (
	sendingDir  = ".sending"
	sentDir     = "sent"
	refusedDir  = "refused"
	lockName    = ".lock"
	recordName  = ".record.json"
	logbookName = ".logbook"
	logbookLock = ".logbook.lock" // in .sending

	dirMode  = 0o755
	fileMode = 0o644
	lockMode = 0o600
)

// claim is one message in our hands: DIR/.sending/<id> with its lock held.
type claim struct {
	id    message.ID
	dir   string // where it lies now
	name  string // of the message file; "" when there is none
	lock  *durable.FileLock
	taken bool // over from a dead holder
}

func (o *run) path(parts ...string) string {
	return filepath.Join(append([]string{o.Dir}, parts...)...)
}

// ClaimError means that a file could not be taken, though others can: one that
// is mounted, say, or cannot be moved by us.
type ClaimError struct {
	Name  string
	Cause error
}

func (e *ClaimError) Error() string {
	cause := e.Cause
	var link *os.LinkError
	if errors.As(cause, &link) {
		cause = link.Err // without paths of ours
	}
	return "it cannot be moved: " + cause.Error()
}

func (e *ClaimError) Unwrap() error { return e.Cause }

// claim takes the file called name: nil where somebody else has it, or where
// it is still open for writing.
func (o *run) claim(name string) (*claim, error) {
	if !o.ready(name) {
		return nil, nil
	}
	c, err := o.prepare()
	if err != nil {
		return nil, err
	}
	// This rename decides who sends the file.
	if err := os.Rename(o.path(name), filepath.Join(c.dir, name)); err != nil {
		_ = clearClaim(c.dir)
		c.release()
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, &ClaimError{Name: name, Cause: err}
	}
	c.name = name
	o.step("claimed")
	return c, nil
}

// prepare makes a claim with no file in it. Others see it only once its lock
// is held: it is made under a name with a dot, locked, and then renamed.
func (o *run) prepare() (*claim, error) {
	for {
		c, err := o.tryPrepare()
		swept := errors.Is(err, durable.ErrLocked) || errors.Is(err, fs.ErrNotExist)
		if err == nil || !swept {
			return c, err
		}
		// Another client's sweep came between two of these steps, or took .sending
		// for one of them; with the directories there the next try goes through.
		if err := o.makeDirs(); err != nil {
			return nil, err
		}
	}
}

func (o *run) tryPrepare() (*claim, error) {
	c := &claim{id: message.NewID()}
	hidden := o.path(sendingDir, "."+c.id.String())
	c.dir = o.path(sendingDir, c.id.String())
	if err := o.owner.mkdir(hidden); err != nil {
		return nil, err
	}
	o.step("made")
	if err := o.owner.makeLock(filepath.Join(hidden, lockName)); err != nil {
		return nil, err
	}
	lock, err := durable.TryLock(filepath.Join(hidden, lockName))
	if err != nil {
		return nil, err
	}
	c.lock = lock
	o.step("locked")
	if err := os.Rename(hidden, c.dir); err != nil {
		c.release()
		return nil, err
	}
	o.step("shown")
	return c, nil
}

func (c *claim) job() job { return job{id: c.id} }

func (c *claim) file() string { return filepath.Join(c.dir, c.name) }

// release gives the lock up. The claim stays where it is, for anyone to take.
func (c *claim) release() {
	_ = c.lock.Close() // nothing was written through it
}

// onlyOurs reports whether a claim holds no message.
func onlyOurs(dir string) bool {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			return false
		}
	}
	return true
}

// clearClaim removes our own files in a claim, the lock last, and the claim.
// What stays is removed by the next client that finds it.
func clearClaim(dir string) error {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if n := e.Name(); n != lockName && strings.HasPrefix(n, ".") {
			_ = os.Remove(filepath.Join(dir, n))
		}
	}
	_ = os.Remove(filepath.Join(dir, lockName))
	err := os.Remove(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTEMPTY) && onlyOurs(dir) {
		return nil // gone, or in the hands of another client that clears it too
	}
	return err
}
