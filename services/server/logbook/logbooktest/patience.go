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
