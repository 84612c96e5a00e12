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
	end := make(chan struct{})
	q = newQueue(conn, time.Minute, end)
	go func() { ended <- q.run(func(m []move) { moves <- len(m) }) }()
	t.Cleanup(func() { close(end) })
	return q, conn, moves, ended
}

// What is added during a write goes out with the next, in order.
func TestQueueGathers(t *testing.T) {
	q, conn, moves, _ := startQueue(t)
	p := newProgresses(0).begin(t.Context())
	put := func(records ...string) {
		for _, r := range records {
			if !q.take(p, len(r)) {
				t.Fatal("no turn")
			}
			q.add(move{p: p}, []byte(r[:1]), []byte(r[1:]))
			q.give()
		}
	}
	put("one,")
	if got := <-conn.writes; got != "one," {
		t.Errorf("first write %q", got)
	}
	put("two,", "three,")
	if back := q.swap(move{p: p}, []byte("four")); len(back) != 0 {
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
	p := newProgresses(0).begin(t.Context())
	buf := []byte("first")
	for _, want := range []string{"first", "second", "third"} {
		buf = append(q.swap(move{p: p}, append(buf[:0], want...)), "overwritten"...)
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
		patient := newProgresses(0).begin(t.Context())
		fill := func() {
			q.add(move{p: patient}, []byte(strings.Repeat("x", maxQueued)))
		}
		fill()
		<-conn.writes
		fill()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan bool, 3)
		cancelled, late := newProgresses(0).begin(ctx), newProgresses(time.Minute).begin(t.Context())
		go func() { left <- q.take(cancelled, 1) }()
		synctest.Wait()
		go func() { left <- q.take(late, 1) }() // behind the turn of the other
		synctest.Wait()
		time.Sleep(time.Minute)
		if <-left || late.over() == nil {
			t.Error("the late one got a turn")
		}
		cancel()
		if <-left {
			t.Error("the cancelled one got a turn")
		}
		go func() { left <- q.take(patient, 1) }()
		synctest.Wait()
		conn.next <- nil
		if !<-left {
			t.Error("no turn though there is room")
		}
		<-conn.writes
		conn.next <- nil
	})
}

func TestQueueFails(t *testing.T) {
	q, conn, moves, ended := startQueue(t)
	p := newProgresses(0).begin(t.Context())
	q.add(move{p: p}, []byte("x"))
	<-conn.writes
	broken := errors.New("broken")
	conn.next <- broken
	if err := <-ended; !errors.Is(err, broken) || len(moves) != 0 {
		t.Errorf("got %v and %d moves", err, len(moves))
	}
}
