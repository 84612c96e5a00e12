// Package group takes files of an outbox together: claims, records and flushes them
// as one, so that each costs a small part of a flush.
//
//	DIR/.sending/<group>/.lock            dies with its holder
//	DIR/.sending/<group>/.records.jsonl   how many and a hash, then one record a message
//	DIR/.sending/<group>/files/NAME       the messages
//	DIR/.sending/<group>/below/SUB/NAME   those that lay in DIR/SUB; their name is SUB/NAME
//
// Guaranteed: one process at a time holds a group. Once Anchor returned nil the
// messages' bytes, their records and their leaving DIR are on stable storage, and
// only then may a message be offered, under the id in its record. Who takes a group
// over trusts nothing in it as durable, since the page cache may show what the disk
// lacks. Records that are not whole were never offered; a message without a record
// was not either. A message whose file has left the group has ended.
//
// Not guaranteed: anything after a flush that failed. The group must not be offered
// by this process then. Nor, on a file system whose renames are not one change on the
// disk, what a power cut leaves where two groups are flushed at the same time, and of a
// message of a directory that was moved elsewhere before who takes its group over has
// flushed it: the message may come back, or be gone.
package group

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"sealpost/services/client/outbox/box"
	"sealpost/shared/durable"
	"sealpost/shared/message"
)

// A group is bounded in messages and in their bytes, where it has more than one.
const (
	Most      = 512
	MostBytes = 64 << 20
)

const (
	filesDir = "files"
	lockName = ".lock"
)

// Group is messages in our hands. It is for one goroutine at a time.
type Group struct {
	ID message.ID
	// Messages are those that have not ended, once they were described.
	Messages []*Message

	box   *box.Box
	in    *durable.Dir // where dir has its name
	dir   *durable.Dir
	files *durable.Dir
	below map[string]place // by path below DIR, all from "." on; nil: there is none
	lock  *durable.FileLock
	step  func(string)

	names   []string // of the files that were taken
	bytes   int64    // about what they hold
	taken   bool     // over from a dead holder
	records []Record // that were there then
}

// New makes a group with nothing in it. Others see it only once its lock is held: it
// is made under a name with a dot, locked, and then renamed. step is called after
// each step, and in those of the other methods.
func New(b *box.Box, step func(string)) (*Group, error) {
	for {
		g := &Group{ID: message.NewID(), box: b, in: b.Place(box.Sending), step: step}
		err := g.make()
		if err == nil {
			return g, nil
		}
		g.Release()
		if !errors.Is(err, durable.ErrLocked) && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		// Another client's sweep came between two of these steps, or took .sending
		// for one of them; with the directories there the next try goes through.
		if err := b.Ensure(box.Places...); err != nil {
			return nil, err
		}
	}
}

func (g *Group) make() (err error) {
	hidden := "." + g.ID.String()
	if g.dir, err = g.in.Mkdir(hidden, box.DirMode, g.box.Heir); err != nil {
		return err
	}
	g.step("made")
	if g.lock, err = g.box.Lock(g.dir, lockName, (*durable.Dir).TryLock); err != nil {
		return err
	}
	g.step("locked")
	if g.files, err = g.dir.Mkdir(filesDir, box.DirMode, g.box.Heir); err != nil {
		return err
	}
	if err := g.in.RenameOnly(hidden, g.in, g.ID.String()); err != nil {
		return err
	}
	g.step("shown")
	return nil
}

// Fits reports whether there is room for a file of that size. An empty group takes
// any.
func (g *Group) Fits(size int64) bool {
	return len(g.names) == 0 || len(g.names) < Most && g.bytes+size <= MostBytes && len(g.below) < mostDirs
}

// Len counts the files that were taken.
func (g *Group) Len() int { return len(g.names) }

// Take takes the file with that path below DIR: this rename decides who sends it.
// fs.ErrNotExist where another client was faster; fs.ErrExist where the group has
// one of that name already. Nobody else puts files into the group, so that the look
// holds; where a system cannot rename without replacing, a link and a removal in the
// rename's place would let two clients have the file.
func (g *Group) Take(name string, size int64) error {
	in := place{g.files, g.box.Root}
	if sub := path.Dir(name); sub != "." {
		var err error
		if in, err = g.open(sub); err != nil {
			return err
		}
	}
	base := path.Base(name)
	_, err := in.dir.Lstat(base)
	if err == nil {
		err = &fs.PathError{Op: "take", Path: name, Err: fs.ErrExist}
	} else if errors.Is(err, fs.ErrNotExist) {
		err = in.from.RenameOnly(base, in.dir, base)
	}
	if err != nil {
		return err
	}
	g.names, g.bytes = append(g.names, name), g.bytes+size
	g.step("claimed")
	return nil
}

// Path is where the group lies, for messages.
func (g *Group) Path() string { return filepath.Join(g.in.Path(), g.ID.String()) }

// Files is where the messages lie that lay in DIR itself.
func (g *Group) Files() *durable.Dir { return g.files }

// Release gives the lock up. The group stays where it is, for anyone to take.
func (g *Group) Release() {
	g.closeFiles()
	g.closeBelow()
	if g.lock != nil {
		_ = g.lock.Close() // nothing was written through it
	}
	for _, d := range []*durable.Dir{g.files, g.dir} {
		if d != nil {
			_ = d.Close()
		}
	}
}

// leftover reports whether a name in a group is one of our own files, the lock
// apart: one that says nothing once no message is there.
func leftover(name string) bool { return name == recordsName || durable.IsTemp(name) }

// onlyOurs reports whether a group holds nothing but what is ours, and what NFS
// keeps of a file that was removed while it was open.
func (g *Group) onlyOurs() bool {
	entries, _ := g.dir.ReadDir()
	for _, e := range entries {
		if n := e.Name(); n != lockName && !leftover(n) && !strings.HasPrefix(n, ".nfs") {
			return false
		}
	}
	return true
}

// Clear removes a group whose messages have all ended, for certain: the directory
// that they were in, our own files, the lock last. Nothing else goes, whatever its
// name begins with. What stays is removed by the next client that finds it.
func (g *Group) Clear() error {
	if err := g.clear(g.ID.String()); err != nil {
		return &RecordError{Dir: g.Path(), Rule: "no message is in it, and it cannot be removed", Cause: err}
	}
	g.step("cleared")
	return nil
}

func (g *Group) clear(name string) error {
	if !box.Named(g.in, name, g.dir) {
		return nil // somebody has put another one in its place, or taken it away
	}
	err := ignoreGone(g.dir.RemoveDir(filesDir))
	if err == nil {
		err = g.removeDirs(g.dir, belowDir)
	}
	if err != nil {
		return err
	}
	if !g.onlyOurs() {
		return &fs.PathError{Op: "remove", Path: g.Path(), Err: syscall.ENOTEMPTY}
	}
	entries, _ := g.dir.ReadDir()
	for _, e := range entries {
		if leftover(e.Name()) {
			_ = g.dir.Remove(e.Name())
		}
	}
	_ = g.dir.Remove(lockName)
	err = g.in.RemoveDir(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTEMPTY) && g.onlyOurs() {
		return nil // gone, or in the hands of another client that clears it too
	}
	return err
}

// RecordError means that a group is not as this package leaves it, so that nobody
// can say what was offered from it.
type RecordError struct {
	Dir, Rule string
	Cause     error // may be nil
}

func (e *RecordError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Dir, e.Rule, e.Cause)
	}
	return e.Dir + ": " + e.Rule
}

func (e *RecordError) Unwrap() error { return e.Cause }
