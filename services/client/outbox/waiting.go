package outbox

import (
	"errors"
	"io/fs"
	"time"

	"sealpost/services/client/outbox/box"
	"sealpost/services/client/outbox/group"
	"sealpost/services/client/outbox/scan"
	"sealpost/shared/durable"
	"sealpost/shared/ignore"
)

// Waiting counts the messages that lie in an outbox, with recursive also below it,
// and are not sent yet, in whose hands they may be.
func Waiting(dir string, ignored ignore.Patterns, recursive bool) (n int, err error) {
	err = eachWaiting(dir, ignored, recursive, func(*durable.Dir, string) { n++ })
	return n, err
}

// Backlog is what waits in an outbox.
type Backlog struct {
	Files  int
	Oldest time.Time // since when the one lies there that came first; zero where none waits
}

// Survey counts as Waiting does, and looks at each file besides. A message lies where
// it is since its name changed last: since it was put in or, once it was claimed,
// since then. When its bytes were written says nothing of that.
func Survey(dir string, ignored ignore.Patterns, recursive bool) (b Backlog, err error) {
	err = eachWaiting(dir, ignored, recursive, func(in *durable.Dir, name string) {
		info, err := in.Lstat(name)
		if err != nil {
			return // sent by now, or moved on to a group
		}
		b.Files++
		if at := info.Changed(); b.Oldest.IsZero() || at.Before(b.Oldest) {
			b.Oldest = at
		}
	})
	return b, err
}

// eachWaiting visits what waits. A file only moves forward, so none is missed
// between the two looks; one that is claimed meanwhile may be visited twice.
func eachWaiting(dir string, ignored ignore.Patterns, recursive bool, visit func(in *durable.Dir, name string)) error {
	d, err := durable.OpenDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	for piece, err := range scan.Files(d, scan.Config{Recursive: recursive, Ignore: ignored, Most: part}) {
		if err != nil {
			return err
		}
		for _, name := range piece.Names {
			visit(piece.Dir, name)
		}
	}
	return eachClaimed(d, visit)
}

// eachClaimed visits the messages in groups.
func eachClaimed(d *durable.Dir, visit func(in *durable.Dir, name string)) error {
	sending, err := d.Sub(box.Sending)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer sending.Close()
	ids, err := group.IDs(sending)
	for _, id := range ids {
		err = errors.Join(err, group.Each(sending, id, visit))
	}
	return err
}
