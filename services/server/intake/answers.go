package intake

import (
	"context"
	"net"
	"sync"
	"time"
)

// outgoing is what answers write.
type outgoing interface {
	// appendTo adds its record to those of one write. It is called once, by the
	// goroutine that writes.
	appendTo(dst []byte) []byte
}

// record is an outgoing record whose bytes exist already.
type record []byte

func (r record) appendTo(dst []byte) []byte { return append(dst, r...) }

// answers writes records to one connection for many goroutines, none of which
// waits for it. What comes while a write is under way goes out with the next
// one, so that many answers share a TLS record. A failed write closes the
// connection.
type answers struct {
	conn   net.Conn
	places int
	drain  drain // of the goroutine that writes

	mu      sync.Mutex
	taken   int // places, one for each offer without an answer
	pending []outgoing
	account *account      // of the sender; nil before HELLO
	waiting int           // answers that account counts: pending, or being written
	due     int           // answers in pending
	open    int           // those that are pending, being written or expected
	idle    chan struct{} // closed when open is zero; nil while nobody waits for it
	writing bool
	err     error // of the write that failed
}

func newAnswers(conn net.Conn, l Limits) *answers {
	return &answers{conn: conn, drain: newDrain(l), places: l.InFlight}
}

// countWith has the answers count among those of a sender. It is called before
// the first one.
func (a *answers) countWith(acc *account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.account = acc
}

// offered takes a place for an offer; false means that there is none.
func (a *answers) offered() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.taken >= a.places {
		return false
	}
	a.taken++
	return true
}

// answer queues the answer to one offer. The offer's place is free again when the
// write begins. Earlier, the answers that wait for a peer that reads nothing would
// have no bound; later, a peer that makes its next offer as soon as it has read
// the answer might find no place.
func (a *answers) answer(o outgoing) { a.queue(o, 1, 1) }

// expect announces an answer that will come from elsewhere, with answerExpected.
func (a *answers) expect() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open++
}

func (a *answers) answerExpected(o outgoing) { a.queue(o, 1, 0) }

// send queues a record that answers no offer.
func (a *answers) send(p []byte) { a.queue(record(p), 0, 1) }

// failure returns why a write failed, nil if none did.
func (a *answers) failure() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// queue adds what is to be written, and starts a writer unless one is at work.
func (a *answers) queue(o outgoing, due, open int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending = append(a.pending, o)
	a.due += due
	a.open += open
	if a.count(1) && a.err == nil {
		a.err = errNotTaken
		go func() { _ = a.conn.Close() }() // ends the write under way, and the reading side
	}
	if !a.writing {
		a.writing = true
		go a.writePending()
	}
}

// count is called with mu held.
func (a *answers) count(n int) (tooMany bool) {
	if a.account == nil {
		return false
	}
	before := max(0, a.waiting-fairBacklog)
	a.waiting += n
	return a.account.add(max(0, a.waiting-fairBacklog)-before, a.waiting)
}

// awaitWritten waits until everything queued or expected has been written, the
// connection has failed, or ctx ends.
func (a *answers) awaitWritten(ctx context.Context) {
	a.mu.Lock()
	if a.open == 0 {
		a.mu.Unlock()
		return
	}
	if a.idle == nil {
		a.idle = make(chan struct{})
	}
	idle := a.idle
	a.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

// writePending writes until nothing is pending.
func (a *answers) writePending() {
	var spare []outgoing
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	a.drain.begin()
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.pending) > 0 {
		batch, err := a.pending, a.err
		a.pending = spare
		a.taken -= a.due
		a.due = 0
		a.mu.Unlock()
		err = a.writeAll(batch, buf, err)
		clear(batch)
		a.mu.Lock()
		spare = batch[:0]
		if a.err == nil {
			a.err = err
		}
		a.count(-len(batch))
		a.done(len(batch))
	}
	a.writing = false
}

func (a *answers) done(n int) {
	if a.open -= n; a.open == 0 && a.idle != nil {
		close(a.idle)
		a.idle = nil
	}
}

// writeAtOnce is how many bytes are gathered for one write.
const writeAtOnce = 64 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// writeAll writes a batch in as few writes as its size allows. After an error,
// failed or new, the peer is gone: the answers are still made, so that log and
// counters say what became of their messages, and not written.
func (a *answers) writeAll(batch []outgoing, buf *[]byte, failed error) error {
	*buf = (*buf)[:0]
	for i, o := range batch {
		*buf = o.appendTo(*buf)
		if len(*buf) < writeAtOnce && i < len(batch)-1 {
			continue
		}
		if failed == nil {
			failed = a.write(*buf)
		}
		*buf = (*buf)[:0]
	}
	return failed
}

func (a *answers) write(p []byte) error {
	err := a.conn.SetWriteDeadline(a.drain.deadline(time.Now(), len(p)))
	if err == nil {
		begun := time.Now()
		_, err = a.conn.Write(p)
		a.drain.wrote(len(p), time.Since(begun))
	}
	if err == nil { // what TLS writes by itself is not held to a deadline that is long over
		err = a.conn.SetWriteDeadline(time.Time{})
	}
	if err != nil {
		_ = a.conn.Close() // the reading side ends with it
	}
	return err
}
