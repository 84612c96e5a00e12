package courier

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

// startQueue returns a queue and where its writes can be seen; moves is what it
// says has moved, and ended why it ended.
func startQueue(t *testing.T) (q *queue, conn *slowConn, moves chan int, ended chan error) {
	conn = &slowConn{writes: make(chan string), next: make(chan error)}
	moves, ended = make(chan int, 10), make(chan error, 1)
	q = newQueue(conn, time.Minute)
	go func() { ended <- q.run(func(m []move) { moves <- len(m) }) }()
	t.Cleanup(q.close)
	return q, conn, moves, ended
}

// What is added during a write goes out with the next, in order.
func TestQueueGathers(t *testing.T) {
	q, conn, moves, _ := startQueue(t)
	put := func(records ...string) {
		for _, r := range records {
			if err := q.take(t.Context(), len(r)); err != nil {
				t.Fatal(err)
			}
			q.add(move{}, []byte(r[:1]), []byte(r[1:]))
			q.give()
		}
	}
	put("one,")
	if got := <-conn.writes; got != "one," {
		t.Errorf("first write %q", got)
	}
	put("two,", "three,")
	if back := q.swap(move{}, []byte("four")); len(back) != 0 {
		t.Errorf("%q came back", back)
	}
	conn.next <- nil
	if got := <-conn.writes; got != "two,three,four" {
		t.Errorf("second write %q", got)
	}
	conn.next <- nil
	if first, second := <-moves, <-moves; first != 1 || second != 3 {
		t.Errorf("%d and %d moves, want 1 and 3", first, second)
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
		buf = append(q.swap(move{}, append(buf[:0], want...)), "overwritten"...)
		if got := <-conn.writes; got != want {
			t.Errorf("wrote %q, want %q", got, want)
		}
		conn.next <- nil
	}
}

// Nobody waits longer than he likes for a peer that takes nothing.
func TestQueueFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, conn, _, _ := startQueue(t)
		fill := func() {
			q.add(move{}, []byte(strings.Repeat("x", maxQueued)))
		}
		fill()
		<-conn.writes
		fill()
		synctest.Wait()
		first, cancelFirst := context.WithCancelCause(t.Context())
		second, cancelSecond := context.WithCancelCause(t.Context())
		left := make(chan error, 3)
		go func() { left <- q.take(first, 1) }()
		synctest.Wait()
		go func() { left <- q.take(second, 1) }() // behind the turn of the other
		synctest.Wait()
		cancelSecond(ErrNoProgress)
		if err := <-left; !errors.Is(err, ErrNoProgress) {
			t.Errorf("waiting for its turn: %v", err)
		}
		cancelFirst(ErrClosed)
		if err := <-left; !errors.Is(err, ErrClosed) {
			t.Errorf("waiting for room: %v", err)
		}
		go func() { left <- q.take(t.Context(), 1) }()
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
	q, conn, moves, ended := startQueue(t)
	q.add(move{}, []byte("x"))
	<-conn.writes
	broken := errors.New("broken")
	conn.next <- broken
	if err := <-ended; !errors.Is(err, broken) || len(moves) != 0 {
		t.Errorf("got %v and %d moves", err, len(moves))
	}
}
