package intake

import (
	"net"
	"sync"
	"time"
)

// answers writes records to one connection for many goroutines. What comes
// while a write is under way goes out with the next one, so that many answers
// share a TLS record. A failed write closes the connection.
type answers struct {
	conn    net.Conn
	timeout time.Duration
	places  chan struct{} // one taken for each offer without an answer

	mu      sync.Mutex
	pending []byte
	due     int // answers in pending
	writing bool
	err     error // of the write that failed
}

func newAnswers(conn net.Conn, timeout time.Duration, places int) *answers {
	return &answers{conn: conn, timeout: timeout, places: make(chan struct{}, places)}
}

// offered takes a place for an offer; false means that there is none.
func (a *answers) offered() bool {
	select {
	case a.places <- struct{}{}:
		return true
	default:
		return false
	}
}

// answer queues the answer to one offer. It gives the offer's place free when
// the write begins: not earlier, or what waits for a peer that reads nothing
// would have no bound; not later, because the peer may make its next offer as
// soon as it reads the answer.
func (a *answers) answer(p []byte) { a.queue(p, 1) }

// send queues a record that answers no offer.
func (a *answers) send(p []byte) { a.queue(p, 0) }

// failure returns why a write failed, nil if none did.
func (a *answers) failure() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// queue appends p, and writes unless another goroutine is at it.
func (a *answers) queue(p []byte, due int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending = append(a.pending, p...)
	a.due += due
	if a.writing {
		return
	}
	a.writing = true
	for len(a.pending) > 0 {
		out := a.pending
		a.pending = nil
		for ; a.due > 0; a.due-- {
			<-a.places
		}
		if a.err != nil {
			continue // nobody is there any more
		}
		a.mu.Unlock()
		err := a.write(out)
		a.mu.Lock()
		a.err = err
	}
	a.writing = false
}

func (a *answers) write(p []byte) error {
	err := a.conn.SetWriteDeadline(time.Now().Add(a.timeout))
	if err == nil {
		_, err = a.conn.Write(p)
	}
	if err != nil {
		_ = a.conn.Close() // the reading side ends with it
	}
	return err
}
