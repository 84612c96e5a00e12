package cli

import (
	"context"
	"fmt"
	"sync"

	"sealpost/shared/message"
	"sealpost/shared/progress"
)

// together is how many files of a command line are under way at once: one that
// the server cannot take now holds up no other.
const together = 64

// sendFiles sends several files, each as a message of its own.
func (r *runner) sendFiles(ctx context.Context) error {
	sending, stop := r.progress("messages", func(c *counting) progress.Count {
		return progress.Count{Done: c.settled.Load(), All: uint64(len(r.files)), Bytes: c.bytes()}
	})
	var all sync.WaitGroup
	turns := make(chan struct{}, together)
	ended := make([]error, len(r.files))
	for i, path := range r.files {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			one := *r
			one.file = path
			ended[i] = one.sendOne(ctx)
			sending.settled.Add(1)
		})
	}
	all.Wait()
	stop()
	return r.sumUp(ended)
}

// sumUp tells about each file that failed, in the order of the command line.
func (r *runner) sumUp(ended []error) error {
	sum := filesError{of: len(ended)}
	for i, err := range ended {
		if err == nil {
			continue
		}
		speak.Complain(r.Err, fmt.Errorf("%s: %w", message.Visible(r.files[i]), err), hint(err))
		sum.failed++
		sum.worst = max(sum.worst, status(err))
	}
	if sum.failed == 0 {
		return nil
	}
	return &sum
}

// filesError means that some of several files failed, which was told already.
type filesError struct {
	failed, of int
	worst      int // exit status
}

func (e *filesError) Error() string { return fmt.Sprintf("%d of %d files failed", e.failed, e.of) }
