// Package retire removes the log files of messages on purpose, and says which under
// the server's signature.
//
// Guaranteed: the note that names a file is on stable storage before the file goes,
// and so is its serial in the state volume. A note has every number of the ones
// before, and a higher serial, also after one that may or may not have been written.
// What a note names stays removed: what a crash left of it is looked for at the next
// start. Only messages that are kept and signed for are retired. Manifest, tree and
// index are left alone.
//
// Where what is retired is ordered from outside, as by a replicated log, all who follow the
// same order come to the same note: RetireOrdered replaces one note by one other. Whoever
// signs, that one has the serial of before.
//
// Not guaranteed: anything about readers that have a file open; it stays theirs.
package retire

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/numbers"
)

const newPath = disk.StagingDir + "/retired" + disk.NewSuffix

// Config is what a Retirer works with.
type Config struct {
	Volume   *disk.Volume
	Manifest *manifest.Manifest
	Notary   engine.Notary
	ID       string                       // the logbook's
	Ordered  bool                         // the note changes by RetireOrdered alone
	Signed   func() uint64                // so many messages are kept and signed for
	Keep     func(serial uint64) error    // takes a serial down in the state volume, durably
	Kept     uint64                       // the one that is there
	Retired  func(messages, bytes uint64) // hears of messages newly named, and of bytes of files removed
}

// Retirer has the note of a logbook. Due and Work are for one goroutine, all others for any.
type Retirer struct {
	Config

	mu        sync.Mutex      // of these; a note is written under it, and no file removed
	note      receipt.Retired // the newest, which may be on the volume or not
	text      []byte
	signers   uint64
	due       bool        // it must be written before anything is removed
	failed    error       // of a note in order that was to replace it: which one the volume has is not known
	left      numbers.Set // named, and their files may still be there
	uncounted numbers.Set // named, and not taken out of sum yet

	first atomic.Uint64 // no message below is left

	looked  bool   // left has what an earlier process did not come to
	counted uint64 // sum has the messages below
	sum     uint64 // bytes of log files of those that are not retired
}

// New returns the Retirer of a volume whose note, as recovery has found and flushed it,
// is note; text is what lies there, nil for none.
func New(cfg Config, note receipt.Retired, text []byte) *Retirer {
	r := &Retirer{Config: cfg, note: note, text: text, signers: cfg.Notary.Signers(), looked: text == nil}
	r.noteFirst()
	if text != nil {
		again, err := cfg.Notary.SignRetired(note)
		r.due = err != nil || string(again) != string(text) // others sign now
	}
	return r
}

// Numbers are those of all messages that were retired.
func (r *Retirer) Numbers() numbers.Set {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.note.Numbers.Clone()
}

// First returns the first number that is not retired.
func (r *Retirer) First() uint64 { return r.first.Load() }

func (r *Retirer) noteFirst() {
	if ranges := r.note.Numbers.Ranges(); len(ranges) > 0 && ranges[0].First == 0 {
		r.first.Store(ranges[0].Last + 1)
	}
}

// ErrNotYet means that no checkpoint lies beside the manifest, as in the first second of
// a logbook: by it readers know of which logbook a note is.
var ErrNotYet = errors.New("no checkpoint is there yet; nothing was retired")

// Ready is nil when messages can be retired: ErrNotYet.
func (r *Retirer) Ready() error {
	free, err := r.Volume.IsFree(engine.CheckpointPath)
	if err == nil && free {
		err = ErrNotYet
	}
	return err
}

// NotKeptError means that numbers are asked for that no message has yet.
type NotKeptError struct {
	Numbers numbers.Set
	Next    uint64 // the first that is not given yet
}

func (e *NotKeptError) Error() string {
	return fmt.Sprintf("%v: there is no message %d yet, nothing was retired", e.Numbers, e.Next)
}

// RangesError means that the note would become too long.
type RangesError struct{ Ranges int }

func (e *RangesError) Error() string {
	return fmt.Sprintf("the retired messages would be %d ranges with gaps between them, and %d at most are listed; "+
		"nothing was retired", e.Ranges, receipt.MaxRanges)
}

// Retire writes a note that names the numbers too, and returns those that were not
// named before. The files of all of them go with the next call of Work. The error is a
// *NotKeptError, a *RangesError or Ready's, and then nothing has changed; or the note cannot be
// written now, and a later call of Work tries that again.
func (r *Retirer) Retire(which numbers.Set) (fresh numbers.Set, err error) {
	if err := r.may(which); err != nil {
		return fresh, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh, all, err := r.with(which)
	if err != nil {
		return numbers.Set{}, err
	}
	r.left.AddAll(which) // those named before too: somebody may have put a file back
	if fresh.Empty() {
		return fresh, nil
	}
	r.note.Numbers, r.due = all, true
	r.named(fresh)
	return fresh, r.write()
}

// may returns why numbers cannot be retired, whatever was retired before.
func (r *Retirer) may(which numbers.Set) error {
	if last, some := which.Last(); some && last >= r.Signed() {
		return &NotKeptError{which, r.Signed()}
	}
	return r.Ready()
}

// with returns which of the numbers are not named yet, and all that are named with them. It
// is called with mu held, as are those that follow.
func (r *Retirer) with(which numbers.Set) (fresh, all numbers.Set, err error) {
	fresh, all = which.Clone(), r.note.Numbers.Clone()
	fresh.RemoveAll(r.note.Numbers)
	all.AddAll(which)
	if all.Len() > receipt.MaxRanges {
		err = &RangesError{all.Len()}
	}
	return fresh, all, err
}

// named notes that the note names more.
func (r *Retirer) named(fresh numbers.Set) {
	r.left.AddAll(fresh)
	r.uncounted.AddAll(fresh)
	r.noteFirst()
	r.Retired(fresh.Count(), 0)
}

// write puts the note on the volume, under a serial that none had before, unless the serials
// are ordered.
func (r *Retirer) write() error {
	if r.note.Numbers.Empty() {
		r.due = false
		return nil
	}
	if !r.Ordered {
		r.note.Serial++
	}
	return r.put(r.note)
}

// put replaces the note on the volume.
func (r *Retirer) put(note receipt.Retired) error {
	note.Origin = receipt.RetiredOrigin(r.ID)
	signers := r.Notary.Signers() // before: a change in between is noticed later
	text, err := r.Notary.SignRetired(note)
	if err != nil {
		return fmt.Errorf("the list of retired messages: %w", err)
	}
	if err := r.Volume.ReplaceWith(newPath, fit.RetiredPath, 0o644, text); err != nil {
		return err
	}
	// A rename may be certain only once both directories are flushed.
	err = errors.Join(r.Volume.SyncDir(disk.LogsDir), r.Volume.SyncDir(disk.StagingDir))
	if err == nil {
		r.note, r.text, r.signers, r.due = note, text, signers, false
	}
	return err
}

// settle brings the note to where files may be removed by it, and returns what it names.
func (r *Retirer) settle() (named numbers.Set, err error) {
	serial, named, err := r.written()
	if err == nil && serial > r.Kept {
		if err = r.Keep(serial); err == nil {
			r.Kept = serial
		}
	}
	return named, err
}

// written has the newest note on the volume.
func (r *Retirer) written() (serial uint64, named numbers.Set, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil {
		return 0, named, r.failed
	}
	if r.due || r.text != nil && r.signers != r.Notary.Signers() {
		if err := r.write(); err != nil {
			return 0, named, err
		}
	}
	return r.note.Serial, r.note.Numbers.Clone(), nil
}
