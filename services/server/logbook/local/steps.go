package local

import (
	"bufio"

	"sealpost/services/server/logbook/parts"
)

// resumedSheet goes on where the part ends.
func resumedSheet(s *staged, from parts.State) (g *largeSheet, err error) {
	g = &largeSheet{s: s, come: from.Offset}
	if g.message, err = restored(from.Message); err != nil {
		return nil, err
	}
	if g.whole, err = restored(from.Whole); err != nil {
		return nil, err
	}
	end := s.layout.PlainOffset() + int64(from.Offset)
	g.plainPart = bufio.NewWriterSize(&cursor{s: s, off: end, started: end}, writeBuffer)
	return g, nil
}

// plain has a part saved with each step.
func (g *largeSheet) plain(p []byte) error {
	for len(p) > 0 {
		step := g.s.l.cfg.PartStep
		n := min(uint64(len(p)), step-g.come%step)
		g.message.Write(p[:n])
		if err := g.put(p[:n]); err != nil {
			return err
		}
		g.come, p = g.come+n, p[n:]
		if g.s.saver != nil && g.come%step == 0 {
			if err := g.save(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *largeSheet) save() error {
	if err := g.plainPart.Flush(); err != nil {
		return err
	}
	if err := g.roomForStates(); err != nil {
		return err
	}
	state := parts.State{Draft: g.s.draft, Received: g.s.received, Offset: g.come, Saved: g.s.l.cfg.now()}
	var err error
	if state.Message, err = stateOf(g.message); err != nil {
		return err
	}
	if state.Whole, err = stateOf(g.whole); err != nil {
		return err
	}
	return g.s.saver.save(state)
}

// roomForStates counts their file with the first of them.
func (g *largeSheet) roomForStates() error {
	if g.come > g.s.l.cfg.PartStep {
		return nil
	}
	if err := g.s.room.Want(parts.FileSize); err != nil {
		return err
	}
	g.s.room.Wrote(parts.FileSize)
	return nil
}
