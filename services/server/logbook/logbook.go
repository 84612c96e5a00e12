// Package logbook is the contract for keeping messages: durably, in order,
// exactly once. It holds no implementation; package local keeps a logbook on a
// local volume, and package logbooktest is the suite that every implementation
// passes.
//
// What Append's success means, and everything else here, holds across a crash
// of the process and a power cut:
//
//   - The log file's bytes and the commit record (number, name, manifest line
//     byte for byte) are on stable storage, then the file has its final name,
//     which replaced nothing, then its line is in the manifest, then Append
//     returns. In this order.
//   - The manifest lines are the leaves of a Merkle tree (RFC 6962), whose root
//     is signed for each commit, after it is durable and before Append returns.
//   - A number is given only to complete, checked bytes. Numbers start at 0,
//     have no gaps and are never used twice, also when files were removed.
//   - A (sender, id) is accepted once, for ever. The same content again gets
//     the first arrival's facts; other content is ErrConflict. An arrival that
//     meets a commit of its own id under way waits for it, and takes its place
//     when it fails.
//   - A durable record is never withdrawn. When a step after it fails, callers
//     get ErrUnknown, nothing later is acknowledged, Ready is red, and the step
//     is tried again.
//   - ErrUnavailable means that nothing was kept: the caller may try again.
//
// The caller supplies neither number nor time. Many calls run at once; the
// order between them is not promised; one may take seconds. Nothing outside an
// implementation may assume a local disk: no path leaves the package.
package logbook

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// Errors, to be told apart with errors.Is; the cause is wrapped behind them.
var (
	// ErrUnavailable: not kept, try again later. Ready says why.
	ErrUnavailable = errors.New("logbook unavailable")
	// ErrNoSpace: no room to stage the message now. It is an ErrUnavailable.
	ErrNoSpace error = &spaceError{}
	// ErrUnknown: kept or not, a repeat settles it.
	ErrUnknown = errors.New("outcome unknown")
	// ErrConflict: the id is taken by other content, for good.
	ErrConflict = errors.New("id conflict")
	// ErrMismatch: the bytes written are not those declared, for good.
	ErrMismatch = errors.New("content differs from its declaration")
	// ErrSpoiled: the bytes do not fit the part that was kept, or are not with it
	// those declared. It is gone; sent whole the message may be kept.
	ErrSpoiled = errors.New("the part that was kept does not fit")
	// ErrTaken: a later Stage of the same draft has taken over what had come.
	ErrTaken = errors.New("offered again since")
	// ErrClosed: the logbook was closed. It is an ErrUnavailable.
	ErrClosed error = &closedError{}
)

type spaceError struct{}

func (*spaceError) Error() string   { return "no space" }
func (*spaceError) Is(e error) bool { return e == ErrUnavailable }

type closedError struct{}

func (*closedError) Error() string   { return "logbook closed" }
func (*closedError) Is(e error) bool { return e == ErrUnavailable }

// Draft declares a message before its bytes.
type Draft struct {
	ID            message.ID
	Sender        string // "-" on the 2012 wire
	Name          string // "" on the 2012 wire
	Cipher        message.Cipher
	Size          uint64 // bytes, deciphered
	EncryptedSize uint64 // bytes of base64 text, 0 without a cipher
	SHA256        logfile.Digest
}

// Facts are what a logbook knows about a message that it keeps.
type Facts struct {
	Entry  logfile.Entry
	Line   []byte // the manifest line, without its "\n"
	Repeat bool   // an earlier arrival was kept; these are its facts
}

// Matches reports whether d declares the content that these facts are about.
func (f Facts) Matches(d Draft) bool {
	e := f.Entry
	return e.Size == d.Size && e.EncryptedSize == d.EncryptedSize && e.SHA256 == d.SHA256 &&
		e.Name == d.Name && e.Cipher == d.Cipher
}

// Again answers an arrival whose id is kept: with these facts, as a repeat, or with
// ErrConflict where d declares other content.
func (f Facts) Again(d Draft) (Facts, error) {
	if !f.Matches(d) {
		return Facts{}, fmt.Errorf("%w: message %d has it", ErrConflict, f.Entry.Seq)
	}
	f.Repeat = true
	return f, nil
}

// Differs says in what the content that came is not the one that d declares: so many bytes
// deciphered, so many of base64 text, and the digest of the first; nil: in nothing.
func (d Draft) Differs(plain, ciphertext uint64, sum logfile.Digest) error {
	if plain != d.Size || ciphertext != d.EncryptedSize {
		return fmt.Errorf("%d of %d bytes, %d of %d bytes of ciphertext", plain, d.Size, ciphertext, d.EncryptedSize)
	}
	if sum != d.SHA256 {
		return fmt.Errorf("SHA-256 is %x, declared %x", sum, d.SHA256)
	}
	return nil
}

// Staged is a message on its way in. Its methods are for one goroutine. After
// Commit, Discard or Suspend only the last two may be called, and do nothing.
// After a later Stage of the same draft the others may be ErrTaken.
//
// A logbook may keep a part of a large message that was suspended, and go on with
// it at the next Stage of the same draft, also after a restart. Whatever is wrong
// with the bytes is then ErrSpoiled in place of ErrMismatch.
type Staged interface {
	// Kept is how many of the message's first bytes are there already. Write goes
	// on behind them.
	Kept() uint64
	// Compare is ErrSpoiled where p differs from the kept bytes from one on.
	Compare(p []byte, at uint64) error
	// Write takes the deciphered bytes, in order. More than declared is
	// ErrMismatch.
	io.Writer
	// WriteCiphertext takes the base64 text, in order; it may alternate with
	// Write. A logbook may leave the text out of the log file by its size.
	WriteCiphertext(p []byte) (int, error)
	// LeastRate is how many bytes a second the message must have come at, for
	// the room that it holds; 0 where there is plenty.
	LeastRate() uint64
	// Commit checks the content against the draft and has it committed. then is
	// called once with the outcome, by this goroutine or by one that commits for
	// all: it must not wait for anything. Commit itself may wait, until there is
	// room among those that are to be committed or ctx ends; from then on the
	// commit goes its way, whatever becomes of ctx.
	Commit(ctx context.Context, then func(Facts, error))
	// Discard drops the message and frees its space.
	Discard()
	// Suspend drops the message too, but for the part that a later Stage may go on
	// with. It stays for a time, and no longer than nobody else wants its space.
	Suspend()
}

// Append commits a message and waits for its facts. When ctx ends first the
// error is ErrUnknown and the commit goes on.
func Append(ctx context.Context, s Staged) (Facts, error) {
	type outcome struct {
		facts Facts
		err   error
	}
	done := make(chan outcome, 1)
	s.Commit(ctx, func(f Facts, err error) { done <- outcome{f, err} })
	select {
	case o := <-done:
		return o.facts, o.err
	case <-ctx.Done():
		return Facts{}, fmt.Errorf("%w: %w", ErrUnknown, context.Cause(ctx))
	}
}

// Scratch is room for bytes whose size is not known yet. It is gone after
// Close and after a crash.
type Scratch interface {
	io.Writer
	io.ReaderAt
	io.Closer
	// LeastRate is that of Staged.
	LeastRate() uint64
}

// Logbook keeps messages. All methods may be called at once.
type Logbook interface {
	// ID is the logbook's id, made at its first start.
	ID() string
	// Lookup finds a message by sender and id, before its bytes are taken.
	Lookup(ctx context.Context, sender string, id message.ID) (Facts, bool, error)
	// Receipt returns the signed proof that a message is kept, a tlog-proof: its
	// manifest line is a leaf of the logbook's tree. It may be another one each
	// time, as the tree grows; the line in it is the same for ever.
	Receipt(ctx context.Context, f Facts) ([]byte, error)
	// Entries gives visit the entry of each message that is kept when the call begins,
	// from a number on, in order, and returns the number behind the last. It ends with
	// the first error. A from that is beyond them only asks for that number; then the
	// call waits for nothing.
	Entries(ctx context.Context, from uint64, visit func(logfile.Entry) error) (next uint64, err error)
	// Stage looks whether there is room for a message and opens it for writing.
	// Room is promised in steps, as the bytes come: any Write may be ErrNoSpace.
	Stage(ctx context.Context, d Draft) (Staged, error)
	// Scratch opens scratch room of at most limit bytes, counted with what the
	// sender's messages hold; a Write that finds none is ErrNoSpace.
	Scratch(ctx context.Context, sender string, limit uint64) (Scratch, error)
	// Ready is nil when messages can be kept, else the reason; it turns red and
	// green by itself.
	Ready() error
	// Close finishes what is being committed and releases the logbook.
	Close() error
}
