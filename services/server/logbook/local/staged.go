package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/shared/logfile"
)

// staged is one message on its way in, the session's until it is handed to the
// engine.
type staged struct {
	l        *Logbook
	draft    logbook.Draft
	name     string // below the volume
	layout   logfile.Layout
	received time.Time
	sheet    sheet // nil once it is in its file

	plain      uint64 // deciphered bytes written
	ciphertext uint64 // base64 bytes written

	file    *os.File // nil until something is in it
	digest  logfile.Digest
	room    *reservation
	counted bool // among the open files
	settled bool // only Discard may follow, and does nothing
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

// Stage reserves room for a message and opens it for writing.
func (l *Logbook) Stage(_ context.Context, d logbook.Draft) (logbook.Staged, error) {
	if err := l.Accepting(); err != nil {
		return nil, err
	}
	s := &staged{l: l, draft: d, received: l.cfg.now(), name: stagedName()}
	s.layout = logfile.NewLayout(logfile.Head{
		ReceivedAt: s.received.In(l.cfg.Zone), Size: d.Size, EncryptedSize: d.EncryptedSize,
		Cipher: d.Cipher, Sender: d.Sender, Name: d.Name, ID: d.ID,
	}, l.cfg.CiphertextMax)
	need := uint64(s.layout.FileSize())
	var err error
	if s.room, err = l.space.open(d.Sender, need); err != nil {
		return nil, err
	}
	if need <= smallFile {
		s.sheet = newSmallSheet(s)
		return s, nil
	}
	if err := s.openLarge(); err != nil {
		s.Discard()
		return nil, l.Failed(err)
	}
	return s, nil
}

// openLarge opens a message that is written to its file as its bytes come.
func (s *staged) openLarge() error {
	if err := s.l.files.take(s.draft.Sender); err != nil {
		return err
	}
	s.counted = true
	large, err := newLargeSheet(s)
	if err == nil {
		s.sheet = large
	}
	return err
}

func stagedName() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	name := make([]byte, 0, len(disk.StagingDir)+1+len(disk.StagedPrefix)+2*len(b))
	name = append(name, disk.StagingDir+"/"+disk.StagedPrefix...)
	return string(hex.AppendEncode(name, b[:]))
}

// open makes the file.
func (s *staged) open() (err error) {
	s.file, err = s.l.vol.CreateFile(s.name)
	return err
}

// Write takes the deciphered bytes.
func (s *staged) Write(p []byte) (int, error) {
	if uint64(len(p)) > s.draft.Size-s.plain {
		return 0, fmt.Errorf("%w: more than the declared %d bytes", logbook.ErrMismatch, s.draft.Size)
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
	err := s.check()
	if err == nil && s.file != nil {
		err = s.writeOut()
	}
	s.settled = true
	if err == nil {
		err = s.l.Push(ctx, &engine.Message{Draft: s.draft, Received: s.received, Body: s, Then: then})
	}
	if err != nil {
		s.Release(false)
		then(logbook.Facts{}, err)
	}
}

// LeastRate grows with what the message holds, once that is scarce.
func (s *staged) LeastRate() uint64 { return s.room.leastRate() }

// check compares what was written with what was declared.
func (s *staged) check() error {
	if s.plain != s.draft.Size || s.ciphertext != s.draft.EncryptedSize {
		return fmt.Errorf("%w: %d of %d bytes, %d of %d bytes of ciphertext", logbook.ErrMismatch,
			s.plain, s.draft.Size, s.ciphertext, s.draft.EncryptedSize)
	}
	if got := s.sheet.digest(); got != s.draft.SHA256 {
		return fmt.Errorf("%w: SHA-256 is %x, declared %x", logbook.ErrMismatch, got, s.draft.SHA256)
	}
	return nil
}

// writeOut puts the message into its file.
func (s *staged) writeOut() (err error) {
	if s.digest, err = s.sheet.complete(); err != nil {
		return s.l.Failed(err)
	}
	s.room.complete()
	s.sheet = nil // a group may be long in coming
	return nil
}

// Discard drops the message and frees its space.
func (s *staged) Discard() {
	if s.settled {
		return
	}
	s.settled = true
	s.Release(false)
}
