package stream

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
)

func TestAsk(t *testing.T) {
	var times atomic.Int32
	got, err := ask(t.Context(), func(ctx context.Context) (int, error) {
		n := int(times.Add(1))
		if n < 3 { // nobody leads
			<-ctx.Done()
			return 0, ctx.Err()
		}
		return n, nil
	})
	if got != 3 || err != nil {
		t.Errorf("the answer is %d, %v", got, err)
	}
	refused := errors.New("refused")
	times.Store(0)
	if _, err := ask(t.Context(), func(context.Context) (int, error) { times.Add(1); return 0, refused }); err != refused {
		t.Errorf("refused: %v", err)
	}
	if n := times.Load(); n != 1 {
		t.Errorf("what was refused was asked %d times", n)
	}
	silent := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() }
	if _, err := ask(t.Context(), silent); err == nil {
		t.Error("there was no answer, and no error")
	}
}
