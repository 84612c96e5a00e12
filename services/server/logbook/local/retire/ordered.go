package retire

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

// Base says which note another one replaces. Servers whose notes have the same base name the
// same messages.
type Base struct {
	Serial uint64         // 0: there is none
	Sum    logfile.Digest // of its serial and what it names
}

func baseOf(note receipt.Retired) Base {
	return Base{note.Serial, sha256.Sum256(fmt.Appendf(nil, "%d %s", note.Serial, note.Numbers.Join(",")))}
}

// ErrOvertaken means that the note was replaced before, by this order or another one.
var ErrOvertaken = errors.New("other messages were retired meanwhile")

// BaseError means that the volume's note is none that the order of all notes has come to: it
// lacks what was retired before, or names other messages.
type BaseError struct{ Has, Wants Base }

func (e *BaseError) Error() string {
	if e.Has.Serial != e.Wants.Serial {
		return fmt.Sprintf("this volume's list of retired messages has serial %d, and must have come to %d: "+
			"copy another server's volume to it", e.Has.Serial, e.Wants.Serial)
	}
	return fmt.Sprintf("this volume's list of retired messages, of serial %d, is not the one of the other servers: "+
		"copy another server's volume to it", e.Has.Serial)
}

// Plan returns what of the numbers is not named, and by which note: what is to be ordered of
// them. Files of those that are named go with the next call of Work. Errors are those of
// Retire.
func (r *Retirer) Plan(which numbers.Set) (fresh numbers.Set, on Base, err error) {
	if err := r.may(which); err != nil {
		return fresh, on, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if fresh, _, err = r.with(which); err != nil {
		return numbers.Set{}, on, err
	}
	r.left.AddAll(r.note.Numbers.Common(which))
	return fresh, baseOf(r.note), nil
}

// RetireOrdered replaces a note, if it is the newest, by the one that names the numbers too,
// under the next serial. It is durable then. Where it is not the newest that is ErrOvertaken:
// the order was carried out before, or another one in its place, here as everywhere. A
// *RangesError holds everywhere, too. After any other error the order is not carried out, and
// may be given again: a *BaseError, a *NotKeptError, or the note cannot be written now.
func (r *Retirer) RetireOrdered(which numbers.Set, on Base) (fresh numbers.Set, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	has := baseOf(r.note)
	if on.Serial < has.Serial {
		return fresh, ErrOvertaken
	}
	if on != has {
		return fresh, &BaseError{Has: has, Wants: on}
	}
	if last, some := which.Last(); some && last >= r.Signed() {
		return fresh, &NotKeptError{which, r.Signed()}
	}
	fresh, all, err := r.with(which)
	if err != nil || fresh.Empty() {
		return numbers.Set{}, err
	}
	if r.failed = r.put(receipt.Retired{Serial: has.Serial + 1, Numbers: all}); r.failed != nil {
		return numbers.Set{}, r.failed
	}
	r.named(fresh)
	return fresh, nil
}

// Serial returns that of the newest note; 0: there is none.
func (r *Retirer) Serial() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.note.Serial
}
