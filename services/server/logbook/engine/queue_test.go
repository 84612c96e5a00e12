package engine

import (
	"context"
	"errors"
	"testing"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/logbooktest"
)

// weighty is the body of a message that only waits.
type weighty int64

func (w weighty) Weight() int64         { return int64(w) }
func (weighty) InFile() bool            { return false }
func (weighty) Complete() (File, error) { return File{}, errors.ErrUnsupported }
func (weighty) Release(bool)            {}

// bulky is a message that counts for n bytes.
func bulky(n int) *Message { return &Message{Body: weighty(n)} }

// What waits in memory is bounded: who brings more waits until some is taken.
func TestQueueIsBounded(t *testing.T) {
	q := newQueue()
	check(t, q.push(t.Context(), bulky(MaxQueued+1))) // one that is larger passes when nothing waits
	others := bulky(1)
	others.Draft.Sender = "another"
	room, err := q.tryPush(others)
	if room == nil || err != nil {
		t.Fatalf("there was room: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := q.push(ended, bulky(1)); !errors.Is(err, logbook.ErrUnavailable) {
		t.Errorf("push with an ended context: %v", err)
	}
	if n := len(q.take(10)); n != 1 {
		t.Errorf("%d were taken", n)
	}
	logbooktest.Await(t, "room", room)
	check(t, q.push(t.Context(), bulky(1)))
	if n := len(q.take(10)); n != 1 {
		t.Errorf("%d were taken", n)
	}
}

// Close ends the wait for room.
func TestQueueClosed(t *testing.T) {
	q := newQueue()
	check(t, q.push(t.Context(), bulky(MaxQueued+1)))
	room, _ := q.tryPush(bulky(1))
	q.close()
	logbooktest.Await(t, "room", room)
	if err := q.push(t.Context(), bulky(1)); !errors.Is(err, logbook.ErrClosed) {
		t.Errorf("push after close: %v", err)
	}
}

// take gives all in order, as many at a time as it is asked for, and says that
// more wait.
func TestQueueOrder(t *testing.T) {
	q := newQueue()
	var want []*Message
	for range 5 {
		s := bulky(1)
		want = append(want, s)
		check(t, q.push(t.Context(), s))
	}
	for len(want) > 0 {
		logbooktest.Await(t, "the signal that more wait", q.came)
		got := q.take(2)
		for i, s := range got {
			if s != want[i] {
				t.Errorf("another message than expected")
			}
		}
		want = want[len(got):]
	}
	if len(q.came) != 0 || q.held != 0 {
		t.Errorf("%d signals, %d bytes held", len(q.came), q.held)
	}
}
