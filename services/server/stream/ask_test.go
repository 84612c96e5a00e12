package stream

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestAsk(t *testing.T) {
	var times atomic.Int32
	got, err := ask(t.Context(), brief, func(ctx context.Context) (int, error) {
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
	_, err = ask(t.Context(), brief, func(context.Context) (int, error) { times.Add(1); return 0, refused })
	if err != refused {
		t.Errorf("refused: %v", err)
	}
	if n := times.Load(); n != 1 {
		t.Errorf("what was refused was asked %d times", n)
	}
	silent := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() }
	if _, err := ask(t.Context(), brief, silent); err == nil {
		t.Error("there was no answer, and no error")
	}
}

// A request whose answer takes its time is made at an ever slower pace: else its answers are
// what it waits for.
func TestAskSlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		asked := make(chan time.Duration, 100)
		slow := func(ctx context.Context) (int, error) {
			asked <- time.Since(began)
			<-ctx.Done()
			return 0, ctx.Err()
		}
		if _, err := ask(t.Context(), forLarge, slow); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		close(asked)
		want := []time.Duration{0, askAgain, 3 * askAgain, 7 * askAgain, 15 * askAgain}
		var at []time.Duration
		for a := range asked {
			at = append(at, a)
		}
		if !slices.Equal(at, want) {
			t.Errorf("asked at %v, want %v", at, want)
		}
	})
}
