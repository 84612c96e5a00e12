package stream

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// acks are the acknowledgements that published entries wait for. The library has this
// too (PublishMsgAsync of package jetstream), but there a callback after a time-out runs
// under the lock that publishing takes, and closing the connection tells nobody.
type acks struct {
	wait   time.Duration
	room   chan struct{} // an element for each entry that waits
	closed chan struct{}
	stream string // set by listen
	inbox  string // set by listen; what acknowledgements are sent to, without the id

	mu      sync.Mutex
	ended   bool
	last    uint64 // id
	waiting map[uint64]*waiting
}

// waiting is an entry without an outcome.
type waiting struct {
	done  func(uint64, error)
	timer *time.Timer
}

var errDisconnected = errors.New("the connection ended")

func newAcks(most int, wait time.Duration) *acks {
	return &acks{
		wait: wait, room: make(chan struct{}, most), closed: make(chan struct{}),
		waiting: make(map[uint64]*waiting),
	}
}

// listen takes the acknowledgements of a stream from a connection.
func (a *acks) listen(conn *nats.Conn, stream string) error {
	a.stream, a.inbox = stream, conn.NewInbox()+"."
	_, err := conn.Subscribe(a.inbox+"*", a.take)
	return err
}

// subject is where the nodes send the acknowledgement of an entry.
func (a *acks) subject(id uint64) string { return a.inbox + strconv.FormatUint(id, 36) }

func (a *acks) take(m *nats.Msg) {
	id, err := strconv.ParseUint(m.Subject[len(a.inbox):], 36, 64)
	if err != nil {
		return // nobody was told of such a subject
	}
	position, err := parseAck(m, a.stream)
	a.end(id, position, err)
}

// expect makes room for one more and returns its id. The error is ErrClosed.
func (a *acks) expect(done func(uint64, error)) (id uint64, err error) {
	select {
	case a.room <- struct{}{}:
	case <-a.closed:
		return 0, ErrClosed
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		<-a.room
		return 0, ErrClosed
	}
	a.last++
	id = a.last
	timer := time.AfterFunc(a.wait, func() { a.end(id, 0, unknown(ErrUnacknowledged)) })
	a.waiting[id] = &waiting{done, timer}
	return id, nil
}

// forget drops one whose outcome the caller of expect knows. It is false where done has
// been given one.
func (a *acks) forget(id uint64) bool { return a.remove(id) != nil }

// end gives one its outcome, unless it has one.
func (a *acks) end(id, position uint64, err error) {
	if w := a.remove(id); w != nil {
		w.done(position, err)
	}
}

func (a *acks) remove(id uint64) *waiting {
	a.mu.Lock()
	w, ok := a.waiting[id]
	delete(a.waiting, id)
	a.mu.Unlock()
	if !ok {
		return nil
	}
	w.timer.Stop()
	<-a.room
	return w
}

// disconnected ends all that wait: what was acknowledged meanwhile does not come.
func (a *acks) disconnected() { a.endAll(unknown(errDisconnected)) }

func (a *acks) close() {
	a.mu.Lock()
	first := !a.ended
	a.ended = true
	a.mu.Unlock()
	if first {
		close(a.closed)
	}
	a.endAll(unknown(ErrClosed))
}

func (a *acks) endAll(err error) {
	a.mu.Lock()
	ids := make([]uint64, 0, len(a.waiting))
	for id := range a.waiting {
		ids = append(ids, id)
	}
	a.mu.Unlock()
	for _, id := range ids {
		a.end(id, 0, err)
	}
}
