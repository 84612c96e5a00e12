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

// stride is how many files are left to another client that is found at the first of
// them. Clients that went through the outbox file by file, side by side, would do the
// work of each file once for each client, and one of them would have it.
const stride = 64

// claiming is a group that is being filled, by one goroutine.
type claiming struct {
	*run
	send  func(*group.Group)
	group *group.Group // nil: none yet
	held  int          // files that the quota holds back, in this look at DIR
}

// claim takes files into groups, and has each sent as soon as it is full. left is true
// where some were left to another client, which may have taken only the first of them.
func (c *claiming) claim(ctx context.Context, names []string) (left bool) {
	for at := 0; at < len(names); at++ {
		err := c.take(ctx, names[at])
		switch {
		case errors.Is(err, errNoGroup):
			return left
		case errors.Is(err, errHeld):
			c.held++
		case errors.Is(err, fs.ErrNotExist):
			next := at - at%stride + stride
			left = left || at+1 < min(next, len(names))
			at = next - 1
		case err != nil && !errors.Is(err, fs.ErrExist): // that one waits for the next group
			c.cannotClaim(names[at], err)
		}
	}
	return left
}

// errNoGroup means that no group may be begun, or none can be.
var errNoGroup = errors.New("no group for more files")

// errHeld means that the sender's quota holds a file back.
var errHeld = errors.New("over quota")

// take takes a file that is whole into the group, or into the next one. Errors are
// those of [ready.Looks.Ready] and [group.Group.Take], errHeld and errNoGroup.
func (c *claiming) take(ctx context.Context, name string) error {
	file, ok, err := c.looks.Ready(c.box, name, c.Settle)
	if err != nil || !ok {
		return err
	}
	if c.over.holds(uint64(file.Size())) != nil {
		return errHeld
	}
	if c.group != nil && (!c.group.Fits(file.Size()) || c.group.Len() >= c.mostOpen || c.Yield > 0) {
		c.begin()
	}
	if c.group == nil {
		if !c.hold(ctx) {
			return errNoGroup
		}
		if c.group, err = group.New(c.box, c.step); err != nil {
			<-c.groups
			c.failed(err)
			return errNoGroup
		}
	}
	return c.group.Take(name, file.Size())
}

// hold is that of the run. It does not wait for the end of a group that is still in
// hand: that one goes first.
func (c *claiming) hold(ctx context.Context) bool {
	if len(c.groups) == cap(c.groups) {
		c.begin()
	}
	return c.run.hold(ctx)
}

// begin sends what has been taken.
func (c *claiming) begin() {
	if c.group != nil {
		c.send(c.group)
		c.group = nil
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
