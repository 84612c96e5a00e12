package local

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local/room"
	"sealpost/shared/logfile"
)

// staged is one message on its way in, the session's until it is handed to the
// engine.
type staged struct {
	l     *Logbook
	draft logbook.Draft
	order *Order // nil: the time is this server's, and so is the order

	mu       sync.Mutex // until it is handed to the engine: a later Stage may suspend it
	name     string     // below the volume
	layout   logfile.Layout
	received time.Time
	sheet    sheet // nil once it is in its file

	kept       uint64 // deciphered bytes that are there from an earlier arrival
	plain      uint64 // deciphered bytes written, with those
	ciphertext uint64 // base64 bytes written

	file    *os.File // nil until something is in it
	digest  logfile.Digest
	room    *room.Reservation
	saver   *saver // nil: no part is kept
	counted bool   // among the open files
	settled bool   // only Discard and Suspend may follow, and do nothing
}

// sheet is a log file on its way to the disk. The declared sizes say where the
// deciphered bytes and where the base64 text lie, so both are put where they
// will stay, and it is laid out in one pass.
type sheet interface {
	// plain takes the deciphered bytes, in order.
	plain(p []byte) error
	// cipher takes the base64 text, in order, without line ends.
	cipher(p []byte) error
	// digest is that of the deciphered bytes, once they are all there.
	digest() logfile.Digest
	// complete brings the whole into its file and returns that one's digest.
	complete() (logfile.Digest, error)
}

// Write takes the deciphered bytes.
func (s *staged) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled {
		return 0, logbook.ErrTaken
	}
	if uint64(len(p)) > s.draft.Size-s.plain {
		return 0, fmt.Errorf("%w: more than the declared %d bytes", s.mismatch(), s.draft.Size)
	}
	if err := s.sheet.plain(p); err != nil {
		return 0, s.l.Failed(err)
	}
	s.plain += uint64(len(p))
	return len(p), nil
}

// WriteCiphertext takes the base64 text.
func (s *staged) WriteCiphertext(p []byte) (int, error) {
	if uint64(len(p)) > s.draft.EncryptedSize-s.ciphertext {
		return 0, fmt.Errorf("%w: more than the declared %d bytes of ciphertext", logbook.ErrMismatch, s.draft.EncryptedSize)
	}
	s.ciphertext += uint64(len(p))
	if !s.layout.HasCiphertext() {
		return len(p), nil
	}
	if err := s.sheet.cipher(p); err != nil {
		return 0, s.l.Failed(err)
	}
	return len(p), nil
}

// Commit checks the content and hands it to the engine. A large message goes to
// its file and to the disk before that: small ones must not wait for it.
func (s *staged) Commit(ctx context.Context, then func(logbook.Facts, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled {
		then(logbook.Facts{}, logbook.ErrTaken)
		return
	}
	s.settled = true
	s.l.shelf.leave(s)
	err := s.check()
	if err == nil && s.file != nil {
		err = s.writeOut()
	}
	if err == nil {
		err = s.l.Push(ctx, s.message(then))
	}
	if err != nil {
		s.Release(false)
		then(logbook.Facts{}, err)
	}
}

// LeastRate grows with what the message holds, once that is scarce.
func (s *staged) LeastRate() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled {
		return 0
	}
	return s.room.LeastRate()
}

// mismatch is what is wrong with bytes that are not those declared: with a part
// of them from an earlier arrival it may be that.
func (s *staged) mismatch() error {
	if s.kept > 0 {
		return logbook.ErrSpoiled
	}
	return logbook.ErrMismatch
}

// check compares what was written with what was declared.
func (s *staged) check() error {
	if err := s.draft.Differs(s.plain, s.ciphertext, s.sheet.digest()); err != nil {
		return fmt.Errorf("%w: %w", s.mismatch(), err)
	}
	return nil
}

// writeOut puts the message into its file.
func (s *staged) writeOut() (err error) {
	if s.digest, err = s.sheet.complete(); err != nil {
		return s.l.Failed(err)
	}
	s.room.Complete()
	s.sheet = nil // a group may be long in coming
	return nil
}

// Discard drops the message and frees its space.
func (s *staged) Discard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled {
		return
	}
	s.settled = true
	s.Release(false)
}
