package outbox

import (
	"context"

	"golang.org/x/sys/unix"
)

// mostOpen is how many files groups may have open at once, to be flushed: half of
// the process's descriptors. A quarter is for the bodies of messages in flight.
func mostOpen() int {
	const most = 1 << 20
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return most
	}
	return int(max(1, min(limit.Cur, most)/2))
}

// mayOpen waits until a group may have n more files open, or, where those are more
// than all may have together, until no other has one. end must be called unless
// there is an error, which is that of ctx.
func (o *run) mayOpen(ctx context.Context, n int) (end func(), err error) {
	weight := int64(min(n, o.mostOpen))
	if err := o.open.Acquire(ctx, weight); err != nil {
		return nil, context.Cause(ctx)
	}
	return func() { o.open.Release(weight) }, nil
}
