package stream

import (
	"context"
	"time"
)

const (
	// answerWait is how long the nodes may take to answer a request.
	answerWait = 2 * time.Second
	// askAgain is after how long a request without an answer is made again: one that comes
	// while nobody leads is never answered.
	askAgain = 500 * time.Millisecond
)

// ask makes a request, again and again, and returns what comes first. It must do no more
// where it is made twice.
func ask[T any](ctx context.Context, request func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	type answer struct {
		of  T
		err error
	}
	answers := make(chan answer, answerWait/askAgain+1) // nobody waits for those that come later
	again := time.NewTicker(askAgain)
	defer again.Stop()
	for {
		go func() {
			of, err := request(ctx)
			answers <- answer{of, err}
		}()
		select {
		case first := <-answers:
			return first.of, first.err
		case <-again.C:
		}
	}
}
