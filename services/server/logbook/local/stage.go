package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/parts"
)

// Stage reserves room for a message and opens it for writing.
func (l *Logbook) Stage(_ context.Context, d logbook.Draft) (logbook.Staged, error) {
	return l.stage(d, nil)
}

func (l *Logbook) stage(d logbook.Draft, order *Order) (logbook.Staged, error) {
	if err := l.Accepting(); err != nil {
		return nil, err
	}
	s := &staged{l: l, draft: d, order: order, name: stagedName()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resumable() {
		if err := s.resume(); err != nil {
			return nil, err
		}
	}
	if s.sheet != nil {
		return s, nil
	}
	if err := s.begin(); err != nil {
		return nil, err
	}
	return s, nil
}

// Room is nil while a message of the largest size would find room on the volume, else
// a *LargestError, or why that cannot be told. Smaller ones are taken all the same,
// while they fit.
func (l *Logbook) Room() error { return l.space.Largest(l.cfg.Largest) }

// begin opens a message of which nothing is there.
func (s *staged) begin() (err error) {
	s.received = s.arrived()
	s.layout = s.layoutAt(s.received)
	if s.room, err = s.l.space.Open(s.draft.Sender, s.need()); err != nil {
		s.settled = true // a later Stage may be about to suspend it
		s.l.shelf.leave(s)
		return err
	}
	if s.layout.FileSize() <= smallFile {
		s.sheet = newSmallSheet(s)
		return nil
	}
	if err := s.openLarge(); err != nil {
		s.settled = true
		s.Release(false)
		return s.l.Failed(err)
	}
	return nil
}

// need is how many bytes all files of the message may take.
func (s *staged) need() uint64 {
	need := uint64(s.layout.FileSize())
	if s.resumable() {
		need += parts.FileSize
	}
	return need
}

// openLarge opens a message that is written to its file as its bytes come.
func (s *staged) openLarge() error {
	if err := s.l.files.Take(s.draft.Sender); err != nil {
		return err
	}
	s.counted = true
	large, err := newLargeSheet(s)
	if err != nil {
		return err
	}
	s.sheet = large
	if s.resumable() {
		s.saver = &saver{vol: s.l.vol, file: s.file, name: s.name}
	}
	return nil
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
