package outbox

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"sealpost/services/client/courier"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable"
	"sealpost/shared/message"
)

// finish keeps the receipt beside the message and moves both to sent.
func (o *run) finish(c *claim, d courier.Delivery) error {
	if err := c.dir.WriteFile(receiptName(c.name), d.Receipt, fileMode, o.box.heir); err != nil {
		return storageError{err}
	}
	o.step("receipted")
	if err := o.moveTo(c, sentDir); err != nil {
		return storageError{err}
	}
	o.later.forget(c.job())
	o.progress()
	o.mu.Lock()
	o.outcome.Sent++
	o.restUntil = time.Now().Add(o.Yield)
	o.mu.Unlock()
	if o.Sent != nil {
		o.Sent(d)
	}
	return nil
}

// refuse writes the reason beside the message and moves both to refused. A
// message may be refused before it was ever offered: without its claim's anchor a
// power cut could leave the reason there and put the message back.
func (o *run) refuse(c *claim, reason string) {
	text := message.Visible(reason) + "\n"
	err := o.anchor(c)
	if err == nil {
		err = c.dir.WriteFile(reasonName(c.name), []byte(text), fileMode, o.box.heir)
	}
	if err == nil {
		o.step("reasoned")
		err = o.moveTo(c, refusedDir)
	}
	if err != nil {
		o.failed(err)
		return
	}
	o.later.forget(c.job())
	o.progress()
	o.mu.Lock()
	o.outcome.Refused++
	o.mu.Unlock()
	o.Log.Error().Stringer("id", c.id).Str("name", message.Visible(c.name)).
		Str("reason", message.Visible(reason)).Msg("message refused")
}

// errExchanged means that somebody has put another directory in the place of a
// claim that is in our hands.
var errExchanged = errors.New("another directory has taken its place")

// moveTo ends a claim: its directory goes to where, and the lock goes last, so
// that nobody can take it over in between.
func (o *run) moveTo(c *claim, where string) error {
	c.tidy(where)
	if err := o.intact(); err != nil {
		return err
	}
	to, name := o.box.place(where), c.id.String()
	if err := c.in.Rename(name, to, name); err != nil {
		return err
	}
	o.step("moved")
	if exchanged(to, name, c.dir) {
		return &fs.PathError{Op: "rename", Path: c.path(), Err: errExchanged}
	}
	c.in = to
	if err := c.dir.Remove(lockName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	o.step("unlocked")
	return nil
}

// exchanged reports whether another directory than the open one has that name.
// Where nothing has it any more, somebody who takes things from there was quick.
func exchanged(in *durable.Dir, name string, d *durable.Dir) bool {
	_, err := in.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist) && !named(in, name, d)
}

// tidy removes what a dead holder left in the claim and the place where it
// goes does not show.
func (c *claim) tidy(where string) {
	if !c.taken {
		return
	}
	stale := receiptName(c.name)
	if where == sentDir {
		stale = reasonName(c.name)
	}
	_ = c.dir.Remove(stale)
	entries, _ := c.dir.ReadDir()
	for _, e := range entries {
		if durable.IsTemp(e.Name()) {
			_ = c.dir.Remove(e.Name())
		}
	}
}

// Bounds of names in the outbox, in bytes: a receipt's is a file name too.
const (
	maxFileName = 255
	maxStem     = maxFileName - len(receipt.FileSuffix)
)

var errStem = fmt.Errorf("message name: in an outbox it must be at most %d bytes, as its receipt's is longer", maxStem)

func receiptName(name string) string { return name + receipt.FileSuffix }

// reasonName is short enough for a file name even where the message's is the
// longest possible, as one that was refused for its length.
func reasonName(name string) string {
	const suffix = ".reason"
	return name[:min(len(name), maxFileName-len(suffix))] + suffix
}
