package sendqueue

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slowConn takes a write when the test has looked at it.
type slowConn struct {
	net.Conn
	writes chan string
	next   chan error
	until  time.Time // the deadline that was set last
}

func (c *slowConn) SetWriteDeadline(until time.Time) error {
	c.until = until
	return nil
}

func (c *slowConn) Write(p []byte) (int, error) {
	c.writes <- string(p)
	return len(p), <-c.next
}

// startQueue returns a queue and where its writes can be seen; written is how
// many notes went out with each, and ended why it ended.
func startQueue(t *testing.T) (q *Queue[int], conn *slowConn, written chan int, ended chan error) {
	conn = &slowConn{writes: make(chan string), next: make(chan error)}
	written, ended = make(chan int, 10), make(chan error, 1)
	q = New[int](conn, time.Minute)
	go func() { ended <- q.Run(func(notes []int) { written <- len(notes) }) }()
	t.Cleanup(q.Close)
	return q, conn, written, ended
}

// What is added during a write goes out with the next, in order.
func TestQueueGathers(t *testing.T) {
	q, conn, written, _ := startQueue(t)
	put := func(records ...string) {
		for _, r := range records {
			if err := q.Take(t.Context(), len(r)); err != nil {
				t.Fatal(err)
			}
			q.Add(0, []byte(r[:1]), []byte(r[1:]))
			q.Give()
		}
	}
	put("one,")
	if got := <-conn.writes; got != "one," {
		t.Errorf("first write %q", got)
	}
	put("two,", "three,")
	if back := q.Swap(0, []byte("four")); len(back) != 0 {
		t.Errorf("%q came back", back)
	}
	conn.next <- nil
	if got := <-conn.writes; got != "two,three,four" {
		t.Errorf("second write %q", got)
	}
	conn.next <- nil
	if first, second := <-written, <-written; first != 1 || second != 3 {
		t.Errorf("%d and %d notes, want 1 and 3", first, second)
	}
	if !conn.until.IsZero() {
		t.Errorf("the deadline %v is still set", conn.until)
	}
}

// A buffer that is swapped is written as it was, whatever is put into the one
// that came back.
func TestQueueSwaps(t *testing.T) {
	q, conn, _, _ := startQueue(t)
	buf := []byte("first")
	for _, want := range []string{"first", "second", "third"} {
		buf = append(q.Swap(0, append(buf[:0], want...)), "overwritten"...)
		if got := <-conn.writes; got != want {
			t.Errorf("wrote %q, want %q", got, want)
		}
		conn.next <- nil
	}
}

// Nobody waits longer than he likes for a peer that takes nothing.
func TestQueueFull(t *testing.T) {
	errTurn, errRoom := errors.New("no turn"), errors.New("no room")
	synctest.Test(t, func(t *testing.T) {
		q, conn, _, _ := startQueue(t)
		fill := func() {
			q.Add(0, []byte(strings.Repeat("x", maxQueued)))
		}
		fill()
		<-conn.writes
		fill()
		synctest.Wait()
		first, cancelFirst := context.WithCancelCause(t.Context())
		second, cancelSecond := context.WithCancelCause(t.Context())
		left := make(chan error, 3)
		go func() { left <- q.Take(first, 1) }()
		synctest.Wait()
		go func() { left <- q.Take(second, 1) }() // behind the turn of the other
		synctest.Wait()
		cancelSecond(errTurn)
		if err := <-left; !errors.Is(err, errTurn) {
			t.Errorf("waiting for its turn: %v", err)
		}
		cancelFirst(errRoom)
		if err := <-left; !errors.Is(err, errRoom) {
			t.Errorf("waiting for room: %v", err)
		}
		go func() { left <- q.Take(t.Context(), 1) }()
		synctest.Wait()
		conn.next <- nil
		if err := <-left; err != nil {
			t.Errorf("though there is room: %v", err)
		}
		<-conn.writes
		conn.next <- nil
	})
}

func TestQueueFails(t *testing.T) {
	q, conn, written, ended := startQueue(t)
	q.Add(0, []byte("x"))
	<-conn.writes
	broken := errors.New("broken")
	conn.next <- broken
	if err := <-ended; !errors.Is(err, broken) || len(written) != 0 {
		t.Errorf("got %v and %d notes", err, len(written))
	}
}
