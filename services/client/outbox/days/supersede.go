package days

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"time"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable"
)

// Renewal is another receipt for a message that was sent.
type Renewal struct {
	Delivered
	Text []byte
}

// Supersede puts other receipts in the place of those of messages in one folder. The
// former ones stay beside them, under [receipt.SupersededName]. All of both is durable
// before the first receipt changes, and that is durable when Supersede returns, so that
// a message has one of the two whenever the process dies or the power goes; what it
// leaves then, [Place.Since] removes. After an error some may have changed.
//
// What was removed by hand meanwhile is passed over. No two may work on one place.
func (p Place) Supersede(in *durable.Dir, all []Renewal, at time.Time, flush Flush) error {
	s := &superseding{place: p, in: in, at: at}
	defer s.close()
	var written []Renewal
	for _, r := range all {
		err := s.write(r)
		switch {
		case err == nil:
			written = append(written, r)
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	if len(written) == 0 {
		return nil
	}
	if err := flush(s.files, []*durable.Dir{in}); err != nil {
		return err
	}
	for _, r := range written {
		err := in.RenameOnly(p.Kind.hidden(r.Entry.ID), in, r.File+p.Kind.suffix())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return flush(nil, []*durable.Dir{in})
}

// superseding is one Supersede under way.
type superseding struct {
	place Place
	in    *durable.Dir
	at    time.Time
	files []*os.File
}

func (s *superseding) close() {
	for _, f := range s.files {
		_ = f.Close() // flushed, or of no use
	}
}

// write writes the new receipt under its hidden name, and the old one once more under
// the name that it is to stay under.
func (s *superseding) write(r Renewal) error {
	if _, err := s.in.Lstat(r.File + s.place.Kind.suffix()); err != nil {
		return err
	}
	f, err := s.place.write(s.in, Item{ID: r.Entry.ID, Text: r.Text})
	if err != nil {
		return err
	}
	s.files = append(s.files, f)
	return s.setAside(r)
}

// setAside finds a name that is free: nothing that was set aside is ever replaced.
func (s *superseding) setAside(r Renewal) error {
	for at := s.at; ; at = at.Add(time.Second) {
		name := receipt.SupersededName(r.File+s.place.Kind.suffix(), at)
		f, err := s.in.Create(name, fileMode, s.place.Heir)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		if _, err = f.Write(r.Receipt); err != nil {
			_ = f.Close()
			_ = s.in.Remove(name)
			return err
		}
		s.files = append(s.files, f)
		return nil
	}
}

// tidy removes what was to be set aside by a Supersede that was cut off before the new
// receipt took its place: it is not whole, or it is the receipt that is in place still.
func (p Place) tidy(in *durable.Dir, name string) {
	of, ok := receipt.SupersededOf(name)
	if !ok {
		return
	}
	text, err := p.read(in, name)
	if err != nil {
		return
	}
	now, err := p.read(in, of)
	if _, whole := p.Kind.idOf(text); err == nil && (!whole || bytes.Equal(text, now)) {
		_ = in.Remove(name)
	}
}
