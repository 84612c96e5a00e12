package local

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local/room"
	"sealpost/services/server/logbook/parts"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// PartStep is by how many bytes the part grows that is kept of a message, and the
// size of the smallest message of which one is.
const PartStep = 8 << 20

// resumable reports whether a part of the message is kept where it is cut off. Of
// one that is enciphered it is not: its text would have to be kept besides.
func (s *staged) resumable() bool {
	cfg := &s.l.cfg
	return s.draft.Cipher == message.None && s.draft.Size >= cfg.PartStep && cfg.KeepParts > 0 && s.order == nil
}

// resume goes on with what has come of the message before. Without an error
// nothing of the kind is left where s has no sheet: then it begins anew.
func (s *staged) resume() error {
	p := s.l.shelf.take(s.draft, s)
	if p == nil {
		return nil
	}
	err := s.reopen(p)
	switch {
	case errors.Is(err, logbook.ErrUnavailable), errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		s.close() // the part is as good as before
		p.room.Shrink(p.room.Written())
		s.l.shelf.put(p, s)
		s.settled, s.room = true, nil
		return s.l.Failed(err)
	case err != nil:
		s.l.cfg.Log.Warn().Err(err).Stringer("id", s.draft.ID).Msg("a part that was kept is dropped")
		s.close()
		s.l.shelf.discard(p)
		s.room, s.name = nil, stagedName()
	}
	return nil
}

// reopen opens the part's files. A logbook.ErrUnavailable says nothing of them.
func (s *staged) reopen(p *part) error {
	s.received, s.name, s.room = p.Received, p.name, p.room
	s.layout = s.layoutAt(s.received)
	if err := s.l.files.Take(s.draft.Sender); err != nil {
		return err
	}
	s.counted = true
	if err := s.room.Grow(s.need()); err != nil {
		return err
	}
	var err error
	if s.file, err = s.l.vol.Reopen(s.name); err != nil {
		return err
	}
	if err := fits(s.file, s.layout); err != nil {
		return err
	}
	states, err := parts.Reopen(s.l.vol, parts.NameOf(s.name))
	if err != nil {
		return err
	}
	s.saver = &saver{vol: s.l.vol, file: s.file, name: s.name, states: states, last: p.State}
	s.kept, s.plain = p.Offset, p.Offset
	s.sheet, err = resumedSheet(s, p.State)
	return err
}

// fits compares the header, which another time zone or version writes otherwise.
func fits(f *os.File, l logfile.Layout) error {
	header := make([]byte, len(l.Header()))
	if _, err := f.ReadAt(header, 0); err != nil {
		return err
	}
	if !bytes.Equal(header, l.Header()) {
		return errors.New("its log file begins otherwise now")
	}
	return nil
}

// close closes what is open, and removes nothing.
func (s *staged) close() {
	if s.saver != nil && s.saver.states != nil {
		_ = s.saver.states.Close()
	}
	if s.file != nil {
		_ = s.file.Close()
	}
	if s.counted {
		s.l.files.Give(s.draft.Sender)
	}
	s.saver, s.file, s.sheet, s.counted, s.kept, s.plain = nil, nil, nil, false, 0, 0
}

// Kept is how many bytes are there from an earlier arrival.
func (s *staged) Kept() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept
}

// Compare compares with kept bytes. What cannot be read is as bad as what differs.
func (s *staged) Compare(p []byte, at uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled {
		return logbook.ErrTaken
	}
	have := make([]byte, len(p))
	if _, err := s.file.ReadAt(have, s.layout.PlainOffset()+int64(at)); err != nil {
		return fmt.Errorf("%w: %w", logbook.ErrSpoiled, err)
	}
	if !bytes.Equal(have, p) {
		return fmt.Errorf("%w: other bytes came from %d on", logbook.ErrSpoiled, at)
	}
	return nil
}

// Suspend leaves the part that is durable to a later Stage. It may be called by
// that one too.
func (s *staged) Suspend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled {
		return
	}
	s.settled = true
	if s.saver == nil || s.saver.wait() != nil || s.saver.last.Offset == 0 {
		s.Release(false)
		return
	}
	p := &part{State: s.saver.last, name: s.name, room: s.room}
	end := s.layout.PlainOffset() + int64(p.Offset)
	if err := s.l.vol.Cut(s.file, s.name, end); err != nil {
		s.Release(false)
		return
	}
	p.room.Shrink(room.Blocks(uint64(end)) + parts.FileSize)
	s.close()
	s.l.shelf.put(p, s)
}

// layoutOf is that of a message that began to come at a time.
func layoutOf(d logbook.Draft, received time.Time, cfg Config) logfile.Layout {
	return logfile.NewLayout(logfile.Head{
		ReceivedAt: received.In(cfg.Zone), Size: d.Size, EncryptedSize: d.EncryptedSize,
		Cipher: d.Cipher, Sender: d.Sender, Name: d.Name, ID: d.ID,
	}, cfg.CiphertextMax)
}

// layoutAt is that of the message, received at a time.
func (s *staged) layoutAt(received time.Time) logfile.Layout {
	cfg := s.l.cfg
	if s.order != nil {
		cfg.Zone, cfg.CiphertextMax = s.order.Zone, s.order.CiphertextMax
	}
	return layoutOf(s.draft, received, cfg)
}
