package copying

import (
	"golang.org/x/mod/sumdb/tlog"

	"sealpost/services/server/logbook/local/fit"
	"sealpost/shared/crypto/receipt"
)

// marks are the roots over the lines so far that were copied, at the sizes that
// checkpoints speak of. They are what fit compares with those.
type marks struct {
	lines receipt.Hasher
	roots map[uint64]tlog.Hash
}

// marks returns those of the copy's checkpoints. A checkpoint beside the manifest
// that speaks of more messages than are copied is left behind.
func (j *Job) marks(messages uint64) (*marks, error) {
	m := &marks{roots: make(map[uint64]tlog.Hash)}
	for i, s := range j.Known.Checkpoints(j.Checkpoint) {
		if len(s.Text) == 0 {
			continue
		}
		c, err := j.Known.Notary.OpenCheckpoint(s.Text)
		if err != nil {
			return nil, &fit.MisfitError{Reason: s.Where + ": " + err.Error()}
		}
		switch {
		case c.Size <= messages:
			m.roots[c.Size] = tlog.Hash{}
		case i > 0: // that of the state volume
			return nil, &NotInPlaceError{Known: c.Size, InPlace: messages}
		default:
			j.Checkpoint = nil
		}
	}
	m.note()
	return m, nil
}

func (m *marks) add(line []byte) {
	m.lines.Add(line)
	m.note()
}

func (m *marks) note() {
	if _, wanted := m.roots[m.lines.Size()]; wanted {
		m.roots[m.lines.Size()] = m.lines.Root()
	}
}

// Size and Root make it fit.Leaves.
func (m *marks) Size() uint64 { return m.lines.Size() }

func (m *marks) Root(n uint64) (tlog.Hash, error) { return m.roots[n], nil }

// check compares the copied lines with the checkpoints that go with them.
func (j *Job) check(m *marks) error {
	for _, s := range j.Known.Checkpoints(j.Checkpoint) {
		if err := j.Known.CheckCheckpoint(s, m); err != nil {
			return err
		}
	}
	return nil
}
