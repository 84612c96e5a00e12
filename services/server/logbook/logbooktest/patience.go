package logbooktest

import (
	"errors"
	"testing"
	"time"
)

// Patience is how long a test waits for what must come. Nothing is judged by it:
// it keeps a mistake from making a test hang.
const Patience = 2 * time.Minute

// ErrUnanswered means that a message was not answered.
var ErrUnanswered = errors.New("the message was not answered")

// Soon waits for what must come, and fails the test where that does not. It may be called
// from any goroutine. It sleeps between looks: what it waits for needs the processor more.
func Soon(t testing.TB, what string, came func() bool) bool {
	t.Helper()
	for deadline := time.Now().Add(Patience); !came(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(deadline) {
			t.Errorf("waited in vain: %s", what)
			return false
		}
	}
	return true
}

// Await returns what comes from a channel, and fails the test where nothing does.
// It is for the test's own goroutine.
func Await[T any](t testing.TB, what string, from <-chan T) (came T) {
	t.Helper()
	select {
	case came = <-from:
	case <-time.After(Patience):
		t.Fatalf("waited in vain: %s", what)
	}
	return came
}
