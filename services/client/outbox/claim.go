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

// claim is one message in our hands: DIR/.sending/<id>, opened once, with its lock
// held.
type claim struct {
	box   *box
	id    message.ID
	dir   *durable.Dir
	in    *durable.Dir // where dir has its name
	name  string       // of the message file; "" when there is none
	lock  *durable.FileLock
	taken bool     // over from a dead holder
	file  *os.File // the message, while it is sent: all attempts read this one
}

// ClaimError means that a file could not be taken, though others can: one that
// is mounted, say, or cannot be moved by us.
type ClaimError struct {
	Name  string
	Cause error
}

func (e *ClaimError) Error() string {
	cause := e.Cause
	if errors.Is(cause, errPlanted) {
		return cause.Error()
	}
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
	if ready, err := o.ready(name); err != nil {
		return nil, &ClaimError{Name: name, Cause: err}
	} else if !ready {
		return nil, nil
	}
	c, err := o.prepare()
	if err != nil {
		return nil, err
	}
	// This rename decides who sends the file.
	if err := o.box.root.RenameOnly(name, c.dir, name); err != nil {
		_ = c.clear(c.id.String())
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
		c := &claim{box: o.box, id: message.NewID(), in: o.box.sending()}
		err := o.tryPrepare(c)
		if err == nil {
			return c, nil
		}
		c.release()
		if !errors.Is(err, durable.ErrLocked) && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		// Another client's sweep came between two of these steps, or took .sending
		// for one of them; with the directories there the next try goes through.
		if err := o.box.ensure(places...); err != nil {
			return nil, err
		}
	}
}

func (o *run) tryPrepare(c *claim) (err error) {
	hidden := "." + c.id.String()
	if c.dir, err = c.in.Mkdir(hidden, dirMode, o.box.heir); err != nil {
		return err
	}
	o.step("made")
	if c.lock, err = o.box.lock(c.dir, lockName, (*durable.Dir).TryLock); err != nil {
		return err
	}
	o.step("locked")
	if err := c.in.RenameOnly(hidden, c.in, c.id.String()); err != nil {
		return err
	}
	o.step("shown")
	return nil
}

func (c *claim) job() job { return job{id: c.id} }

// path is where the claim lies, for messages.
func (c *claim) path() string { return filepath.Join(c.in.Path(), c.id.String()) }

// release gives the lock up. The claim stays where it is, for anyone to take.
func (c *claim) release() {
	if c.lock != nil {
		_ = c.lock.Close() // nothing was written through it
	}
	if c.dir != nil {
		_ = c.dir.Close()
	}
}

// leftover reports whether a name in a claim is one of our own files, the lock
// apart: one that says nothing once no message is there.
func leftover(name string) bool { return name == recordName || durable.IsTemp(name) }

// onlyOurs reports whether a claim holds nothing but what is ours, and what NFS
// keeps of a file that was removed while it was open.
func (c *claim) onlyOurs() bool {
	entries, _ := c.dir.ReadDir()
	for _, e := range entries {
		if n := e.Name(); n != lockName && !leftover(n) && !strings.HasPrefix(n, ".nfs") {
			return false
		}
	}
	return true
}

// clear removes our own files in a claim, the lock last, and the claim, which has
// that name. Nothing else goes, whatever its name begins with. What stays is
// removed by the next client that finds it.
func (c *claim) clear(name string) error {
	entries, _ := c.dir.ReadDir()
	for _, e := range entries {
		if leftover(e.Name()) {
			_ = c.dir.Remove(e.Name())
		}
	}
	if !c.onlyOurs() {
		return &fs.PathError{Op: "remove", Path: c.path(), Err: syscall.ENOTEMPTY}
	}
	_ = c.dir.Remove(lockName)
	err := c.in.RemoveDir(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTEMPTY) && c.onlyOurs() {
		return nil // gone, or in the hands of another client that clears it too
	}
	return err
}
