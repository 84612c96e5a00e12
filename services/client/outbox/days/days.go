// Package days keeps what a client's outbox has brought to its end: sent/ and
// refused/, with one directory a day.
//
//	sent/2026-11-26/NAME                 a message that was delivered
//	sent/2026-11-26/NAME.tlog-proof      its receipt
//	refused/2026-11-26/NAME              a message that will never be taken
//	refused/2026-11-26/NAME.reason       why, and its id
//
// Guaranteed: Put makes the texts (receipts or reasons) durable before it moves a
// message beside its own, and its moves durable before it returns. Nothing that
// another message has is replaced. Where a process died, or the power went, at any
// step, the same batch put again goes on: a text that names the message's id is its
// own, wherever it lies. Any number of clients may put into the same day at once,
// and anybody may remove days by hand meanwhile.
//
// A message and its text have one stem: the message's name, or, where that cannot
// be, the name with "~" and the first eight digits of the id behind it. It cannot
// be where the day has the name already; where it ends as a text's does, so that X
// and a message called X.tlog-proof never meet; where it is longer than [MaxStem],
// to which it is cut at a rune then; and where a folder and a file would need one
// name, as a and a/b do. There the digits go to the part of the name that cannot be.
//
// Others may be able to write into the outbox: all work is relative to open
// directories, one name at a time, no link is followed, and of directories and
// texts only those are taken that are ours or the outbox's owner's.
//
// Not guaranteed: anything on a file system that neither renames without replacing
// nor has links; there a crash may leave an empty file in the place of a message.
package days

import (
	"context"
	"os"
	"time"

	"sealpost/shared/durable"
	"sealpost/shared/message"
)

// MaxStem is the longest stem, in bytes, that is stored as it is.
const MaxStem = 200

// Kind is what a place keeps beside each message.
type Kind int

// The kinds of places.
const (
	Sent    Kind = iota // receipts
	Refused             // reasons
)

// Place is DIR/sent or DIR/refused, which is open and stays the caller's.
type Place struct {
	Dir   *durable.Dir
	Kind  Kind
	Owner int           // user id of the outbox's owner, who is trusted as we are
	Heir  durable.Owner // to whom belongs what is made
}

// Item is a message that has ended.
type Item struct {
	Name string       // the true name, up to 255 bytes; with "/" it lies in folders
	ID   message.ID   // nobody else ends a message of this id meanwhile
	Text []byte       // the receipt as it came, or the reason in words
	From *durable.Dir // where the message's file lies
	File string       // under which name
}

// Flush makes the bytes and the metadata of open files, and the names in open
// directories, durable: those that gained a name come before those that lost one.
// It may do more. After an error nothing is taken for durable.
type Flush func(files []*os.File, dirs []*durable.Dir) error

// Batch is messages that end together.
type Batch struct {
	Day   time.Time // any time of the day, which is counted in UTC
	Items []Item
	// Again says that an earlier Put may have begun with some of these, in this
	// process or in one that died: what lies there from before, on whatever day, is
	// looked for first, and the message goes where its text is.
	Again bool
	// Other is the other place, nil: none. With Again a text in it that an earlier
	// Put left there without its message is removed.
	Other *Place
	Flush Flush // called twice, in most cases
}

// Result says where a message went. Path is below the place, as in
// "2026-11-26/NAME"; Text is the path of its receipt or reason. With Err the
// message may lie where it was: the same item may be put again, with Again. The
// error is fs.ErrNotExist where the message's file is gone, and was not put here
// by an earlier call; fs.ErrInvalid where the name, with its parts, is none.
type Result struct {
	Path, Text string
	Err        error
}

// Put ends messages: their texts in place, one flush, the files beside them, one
// flush. Results stand in the order of the items. The error is that of a flush, or
// of the place itself; then no message has ended for certain, the results say
// nothing, and the batch must be put again, with Again: by another process after a
// flush that failed, since this one's pages may be taken for written.
func (p Place) Put(b Batch) ([]Result, error) {
	results := make([]Result, len(b.Items))
	rest := make([]*work, len(b.Items))
	for i, item := range b.Items {
		results[i].Err = checkName(item.Name)
		rest[i] = &work{Item: item, result: &results[i]}
	}
	for len(rest) > 0 {
		some := newPutting(p, b)
		n, err := some.run(rest)
		some.close()
		if err != nil {
			return nil, err
		}
		rest = rest[n:]
	}
	return results, nil
}

// Pruned counts what one Prune removed.
type Pruned struct {
	Days     int      // directories of days
	Messages int      // with their receipts
	Kept     []string // days of which something stays, as it has no receipt
}

// Prune removes what was sent on days that ended longer than keep ago, where no
// name in the day has changed since then either. A day is renamed away first, so
// that nobody sees half of it, and then removed in small steps, between which ctx
// may end it; the next call goes on. A file that has no receipt beside it stays,
// under the day's name. With keep 0 nothing is removed. Refused messages are kept
// for ever: Prune is for a place of kind Sent.
func (p Place) Prune(ctx context.Context, now time.Time, keep time.Duration) (Pruned, error) {
	if keep <= 0 || p.Kind != Sent {
		return Pruned{}, nil
	}
	u := &pruning{Place: p, ctx: ctx, ended: now.Add(-keep), changed: now.Add(-keep)}
	err := u.run()
	return u.Pruned, err
}

// PruneDaily prunes at once, and then once a day until ctx ends; told hears of each
// time. place is asked each time: it may be another directory by then.
func PruneDaily(ctx context.Context, place func() Place, keep time.Duration, told func(Pruned, error)) {
	daily := time.NewTicker(oneDay)
	defer daily.Stop()
	for ctx.Err() == nil {
		told(place().Prune(ctx, time.Now(), keep))
		select {
		case <-daily.C:
		case <-ctx.Done():
		}
	}
}
