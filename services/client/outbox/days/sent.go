package days

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

// ErrNoReceipt means that a file in sent has no receipt of the outbox's own that can
// be read, so that nobody knows as which message it was sent.
var ErrNoReceipt = errors.New("it has no receipt that can be read")

// Delivered is a message that was sent.
type Delivered struct {
	File    string        // its name in the folder that it lies in
	Path    string        // the same below the place
	Entry   logfile.Entry // what its receipt says, which nobody has verified here
	Receipt []byte        // as it is
	Err     error         // ErrNoReceipt: nothing but File and Path is known
}

// Since gives visit the messages that a server has received at a time or later, by
// their receipts: some of one folder at once, at most so many. The folder is open
// until visit returns, and may be given to [Place.Supersede] meanwhile. Days are
// looked through from the one before that time on, since the server's clock may be
// ahead of the client's. What a Supersede that was cut off has left is removed first.
//
// The names of one folder are in memory at once: receipts change places while it is
// gone through, and a listing beside that may miss others.
func (p Place) Since(ctx context.Context, at time.Time, most int,
	visit func(in *durable.Dir, some []Delivered) error) error {
	names, err := p.days()
	if err != nil {
		return err
	}
	first := DirOf(at.Add(-oneDay))
	w := &sentWalk{Place: p, ctx: ctx, at: at, most: most, visit: visit}
	for _, name := range names {
		if name < first {
			continue
		}
		if err := w.folder(p.Dir, name, name); err != nil {
			return err
		}
	}
	return nil
}

// sentWalk is one Since.
type sentWalk struct {
	Place
	ctx   context.Context
	at    time.Time
	most  int
	visit func(in *durable.Dir, some []Delivered) error
}

// folder goes through a day, or a folder in it. One that is gone, or a third user's,
// is passed over.
func (w *sentWalk) folder(in *durable.Dir, name, full string) error {
	d, err := w.sub(in, name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, durable.ErrNotDirectory), errors.Is(err, errForeign):
		return nil
	case err != nil:
		return err
	}
	defer d.Close()
	messages, folders, err := w.list(d)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(messages, w.most) {
		if err := w.some(d, full, some); err != nil {
			return err
		}
	}
	for _, sub := range folders {
		if err := w.folder(d, sub, full+"/"+sub); err != nil {
			return err
		}
	}
	return nil
}

// list returns the messages in a folder, and the folders, in order.
func (w *sentWalk) list(d *durable.Dir) (messages, folders []string, err error) {
	var texts []string
	for entries, err := range d.Entries(listed) {
		if err = errors.Join(err, w.ctx.Err()); err != nil {
			return nil, nil, err
		}
		for _, e := range entries {
			switch name := e.Name(); {
			case strings.HasPrefix(name, "."):
			case e.IsDir():
				folders = append(folders, name)
			case !isText(name):
				messages = append(messages, name)
			default:
				texts = append(texts, name)
			}
		}
	}
	for _, name := range texts {
		w.tidy(d, name)
	}
	slices.Sort(messages)
	slices.Sort(folders)
	return messages, folders, nil
}

// some gives visit those of some messages that it asked for.
func (w *sentWalk) some(d *durable.Dir, full string, names []string) error {
	var found []Delivered
	for _, name := range names {
		m := w.delivered(d, name)
		m.Path = path.Join(full, name)
		if m.Err != nil || !m.Entry.ReceivedAt.Before(w.at) {
			found = append(found, m)
		}
	}
	if err := w.ctx.Err(); err != nil || len(found) == 0 {
		return err
	}
	return w.visit(d, found)
}

func (w *sentWalk) delivered(d *durable.Dir, name string) Delivered {
	text, err := w.read(d, name+receiptSuffix)
	if err == nil {
		var line []byte
		if line, err = receipt.LineOf(text); err == nil {
			var e logfile.Entry
			if e, err = logfile.ParseLine(line); err == nil {
				return Delivered{File: name, Entry: e, Receipt: text}
			}
		}
	}
	return Delivered{File: name, Err: fmt.Errorf("%w: %w", ErrNoReceipt, err)}
}
