package outbox

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"sealpost/services/client/outbox/box"
	"sealpost/services/client/outbox/group"
)

// ClaimError means that a file could not be taken, though others can: one that
// is mounted, say, or cannot be moved by us.
type ClaimError struct {
	Name  string
	Cause error
}

func (e *ClaimError) Error() string {
	cause := e.Cause
	if errors.Is(cause, box.ErrPlanted) {
		return cause.Error()
	}
	var link *os.LinkError
	var path *fs.PathError
	switch { // without paths of ours
	case errors.As(cause, &link):
		cause = link.Err
	case errors.As(cause, &path):
		cause = path.Err
	}
	return "it cannot be moved: " + cause.Error()
}

func (e *ClaimError) Unwrap() error { return e.Cause }

// gone reports whether a file is another client's by now, or whether our group has
// one of that name, and this one waits for the next.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) }

// claim takes files into groups, and has each sent as soon as it is full, or no more
// are there.
func (o *run) claim(ctx, until context.Context, names []string) {
	var g *group.Group
	begin := func() {
		if g != nil {
			o.begin(ctx, until, g, func() {})
			g = nil
		}
	}
	defer begin()
	for _, name := range names {
		file, ok, err := o.looks.Ready(o.box, name, o.Settle)
		if err != nil {
			o.cannotClaim(name, err)
		}
		if err != nil || !ok {
			continue
		}
		if g != nil && (!g.Fits(file.Size()) || g.Len() >= o.mostOpen || o.Yield > 0) {
			begin()
		}
		if g == nil {
			if !o.hold(ctx) {
				return
			}
			if g, err = group.New(o.box, o.step); err != nil {
				<-o.groups
				o.failed(err)
				return
			}
		}
		if err := g.Take(name, file.Size()); err != nil && !gone(err) {
			o.cannotClaim(name, err)
		}
	}
}

// cannotClaim leaves a file that cannot be moved.
func (o *run) cannotClaim(name string, cause error) {
	if o.box.Intact() != nil {
		o.failed(cause)
		return
	}
	err := &ClaimError{Name: name, Cause: cause}
	o.leave(thing{name: name}, []Left{{Name: name, Err: err}}, !o.Watch)
}
