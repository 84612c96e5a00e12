package group

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"

	"sealpost/services/client/outbox/box"
	"sealpost/shared/durable"
	"sealpost/shared/message"
)

// Message is one of a group. With Err it cannot be offered now: an *UnfitError, so
// that it never can, ErrNoPassword, or why it cannot be read.
type Message struct {
	Record
	Err error

	group *Group
	known bool // it had a record before, and may have been offered
	file  *os.File
	info  durable.Info // of the file that was measured
	body  []byte       // of a small one
}

// ErrNoPassword means that a message was first offered with cipher 2012, and
// this client has no password to offer it with again.
var ErrNoPassword = errors.New("it was first offered with cipher 2012, and no password is set")

// ForeignError means that a message was first offered by another sender: under our
// name the server would take it a second time.
type ForeignError struct{ Sender string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("it was first offered by sender %q", message.Visible(e.Sender))
}

// Describe measures the messages and gives an id to each that has no record: for a
// sender, with a cipher. With message.None there is no password. The error is a
// *ForeignError.
func (g *Group) Describe(sender string, cipher message.Cipher) error {
	left := g.Left()
	for _, r := range left {
		if r.ID != (message.ID{}) && r.Sender != sender {
			return &ForeignError{Sender: r.Sender}
		}
	}
	for _, r := range left {
		m := &Message{Record: r, group: g, known: r.ID != (message.ID{})}
		if !m.known {
			m.Record = Record{ID: message.NewID(), Sender: sender, Name: r.Name, Cipher: cipher}
		}
		m.Err = m.describe(cipher)
		if !m.known && errors.As(m.Err, new(*UnfitError)) {
			m.ID = g.unfitID(m.Name)
		}
		g.Messages = append(g.Messages, m)
	}
	return nil
}

// unfitID is the id of a message that is not offered and has no record. Who takes the
// group over must give it the same one, to find the reason that was written.
func (g *Group) unfitID(name string) (id message.ID) {
	sum := sha256.Sum256(append(g.ID[:], name...))
	copy(id[:], sum[:])
	return id
}

func (m *Message) describe(cipher message.Cipher) error {
	if err := message.CheckName(m.Name); err != nil {
		return &UnfitError{err}
	}
	if m.Cipher == message.Cipher2012 && cipher == message.None {
		return ErrNoPassword
	}
	size, sum, err := m.measure()
	switch {
	case err != nil:
		return err
	case !m.known:
		m.Size, m.SHA256 = size, sum
	case size != m.Size || sum != m.SHA256:
		return &UnfitError{errChanged}
	}
	return nil
}

// checkPlanted judges a message by the directory that it came from, which is only
// known to who took it out of there.
func (g *Group) checkPlanted(name string, info durable.Info) error {
	from := g.at(name).from
	if g.taken && from != g.box.Root {
		from = nil
	}
	err := g.box.CheckPlanted(from, info)
	if errors.Is(err, box.ErrPlanted) {
		err = &UnfitError{err}
	}
	return err
}

// Left lists the messages that have not ended by their records: of one that has none
// yet the name alone.
func (g *Group) Left() []Record {
	records := make(map[string]Record, len(g.records))
	for _, r := range g.records {
		records[r.Name] = r
	}
	left := make([]Record, len(g.names))
	for i, name := range g.names {
		left[i] = records[name]
		left[i].Name = name
	}
	return left
}

// closeFiles closes what was measured.
func (g *Group) closeFiles() {
	for _, m := range g.Messages {
		if m.file != nil {
			_ = m.file.Close() // it was only read
			m.file = nil
		}
	}
}
