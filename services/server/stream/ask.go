package stream

import (
	"context"
	"time"
)

// asking is how a request is made again and again: one that comes while nobody leads is never
// answered.
type asking struct {
	wait  time.Duration // for an answer, in all
	again time.Duration // behind the first request, without an answer
	most  time.Duration // the pause doubles up to here
}

const (
	// answerWait is how long the nodes may take to answer a short request.
	answerWait = 2 * time.Second
	// askAgain is after how long it is made again.
	askAgain = 500 * time.Millisecond
)

var (
	brief = asking{answerWait, askAgain, askAgain}
	// forLarge is for what may take its time: on a slow way half a megabyte does, and each
	// request more adds an answer of that size to those that are on it.
	forLarge = asking{10 * time.Second, askAgain, 4 * time.Second}
)

// ask makes a request, and returns what comes first. It must do no more where it is made
// twice.
func ask[T any](ctx context.Context, how asking, request func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, how.wait)
	defer cancel()
	type answer struct {
		of  T
		err error
	}
	answers := make(chan answer, how.wait/how.again+1) // nobody waits for those that come later
	for pause := how.again; ; pause = min(2*pause, how.most) {
		go func() {
			of, err := request(ctx)
			answers <- answer{of, err}
		}()
		select {
		case first := <-answers:
			return first.of, first.err
		case <-time.After(pause):
		}
	}
}
