// Package receipts looks at a sender's outbox from the outside, read-only: it
// waits until nothing is left to send, and then holds every receipt in it
// against what was collected.
//
// Guaranteed: once Wait returned nil, every file that lay in the outbox when
// it was called had ended in sent/ or refused/. A receipt counts as verified
// only if a pinned identity signed its tree, its proof leads from its line to
// that tree, the line is the manifest's line of that number, the manifest has
// that tree's root at its size, the collected log file is the one of the line
// (or was settled in an earlier run and is no longer in the output directory),
// and the message file that was sent has the line's size and SHA-256.
//
// Others may be able to write into the outbox: each directory in it is opened once,
// relative to the one above, and no link is followed.
//
// Wait never touches the locks of those who send: probing them would make
// their claims fail now and then.
package receipts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"sealpost/shared/durable"
	"sealpost/shared/ignore"
	"sealpost/shared/message"
)

// The directories of an outbox.
const (
	sendingDir = ".sending"
	sentDir    = "sent"
	refusedDir = "refused"
)

// poll is how often Wait looks: an outbox has no event that reaches across
// containers and volumes.
const poll = 200 * time.Millisecond

// UnsentError says that files were left when the time to wait ran out.
type UnsentError struct {
	After   time.Duration
	Waiting []string // names of files that nobody has claimed
	Sending int      // those that were claimed and not settled
}

func (e *UnsentError) Error() string {
	const most = 10
	names := make([]string, 0, most)
	for _, name := range e.Waiting[:min(len(e.Waiting), most)] {
		names = append(names, message.Visible(name))
	}
	text := fmt.Sprintf("outbox: after %v %d files wait and %d are being sent", e.After, len(e.Waiting), e.Sending)
	if len(names) > 0 {
		text += ": " + strings.Join(names, ", ")
	}
	if len(e.Waiting) > most {
		text += ", …"
	}
	return text
}

// Messages says which files in an outbox are messages, as the client's settings do.
type Messages struct {
	Ignored   ignore.Patterns // names that are not
	Recursive bool            // files in directories are, too
}

// mostLevels is how many directories in one another a client enters.
const mostLevels = 32

// Wait returns nil when no message waits in dir and none is being sent. After
// timeout it gives up with an *UnsentError. Other errors: those of ctx and of
// reading dir.
func Wait(ctx context.Context, dir string, messages Messages, timeout time.Duration) error {
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	end := time.NewTimer(timeout)
	defer end.Stop()
	for {
		waiting, sending, err := messages.unsent(dir)
		if err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
		if len(waiting) == 0 && sending == 0 {
			return nil
		}
		select {
		case <-ticker.C:
		case <-end.C:
			return &UnsentError{After: timeout, Waiting: waiting, Sending: sending}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// unsent counts what is not settled. A file moves from dir to .sending by one
// rename, so looking in this order misses none on its way; the second look at
// dir is for one that its holder has put back meanwhile.
func (m Messages) unsent(path string) (waiting []string, sending int, err error) {
	dir, err := durable.OpenDir(path)
	if err != nil {
		return nil, 0, err
	}
	defer dir.Close()
	waiting, err = m.waiting(dir, "", 0)
	if err != nil {
		return nil, 0, err
	}
	claimed, err := countSending(dir)
	if err != nil || len(waiting)+claimed > 0 {
		return waiting, claimed, err
	}
	waiting, err = m.waiting(dir, "", 0)
	return waiting, 0, err
}

// countSending counts the messages in groups. A client that was killed may leave a group
// with none in it: nobody waits for that.
func countSending(outbox *durable.Dir) (int, error) {
	dir, err := outbox.Sub(sendingDir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	const above = -2 // it and the groups lie above what a client enters
	found, err := Messages{Recursive: true}.waiting(dir, "", above)
	return len(found), err
}

// waiting lists the messages in a directory that lies so many levels below dir, and
// in those in it, by their paths below dir.
func (m Messages) waiting(d *durable.Dir, below string, level int) ([]string, error) {
	var dirs []string
	found, err := names(d, func(e fs.DirEntry) bool {
		if m.Ignored.Match(e.Name()) {
			return false
		}
		if e.IsDir() && (level > 0 || e.Name() != sentDir && e.Name() != refusedDir) {
			dirs = append(dirs, e.Name())
		}
		return isFile(e)
	})
	for i := range found {
		found[i] = below + found[i]
	}
	if !m.Recursive || level >= mostLevels {
		return found, err
	}
	for _, name := range dirs {
		more, e := m.waitingIn(d, below, name, level+1)
		found, err = append(found, more...), errors.Join(err, e)
	}
	return found, err
}

// waitingIn passes over a directory that is gone by now.
func (m Messages) waitingIn(in *durable.Dir, below, name string, level int) ([]string, error) {
	d, err := in.Sub(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, durable.ErrNotDirectory) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return m.waiting(d, below+name+"/", level)
}

func isFile(entry fs.DirEntry) bool { return entry.Type().IsRegular() }

// names lists what is of that kind in dir and does not start with a dot, in
// order.
func names(dir *durable.Dir, kind func(fs.DirEntry) bool) ([]string, error) {
	entries, err := dir.ReadDir()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") && kind(entry) {
			found = append(found, entry.Name())
		}
	}
	return found, nil
}
