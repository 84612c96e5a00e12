package intake

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// While a peer takes no answers, no place comes free: what waits for it in
// memory is bounded by the number of places.
func TestPlacesWaitForThePeer(t *testing.T) {
	const places = 4
	here, there := net.Pipe() // has no buffer: a write lasts until it is read
	defer there.Close()
	a := newAnswers(here, Limits{Write: time.Hour, MinRate: 1, InFlight: places})
	if !a.offered() {
		t.Fatal("no place for the first offer")
	}
	a.answer(record("first "))
	if _, err := io.ReadFull(there, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	// The first answer is being written, and stays so.
	for i := range places {
		if !a.offered() {
			t.Fatalf("no place for offer %d beside one whose answer is on its way", i)
		}
		a.answer(record("x"))
	}
	if a.offered() {
		t.Error("a place came free though nothing was written")
	}
	a.mu.Lock()
	if n := len(a.pending); n != places {
		t.Errorf("%d answers are pending instead of %d", n, places)
	}
	a.mu.Unlock()
	rest := make([]byte, len("irst ")+places)
	if _, err := io.ReadFull(there, rest); err != nil || !bytes.Equal(rest, []byte("irst xxxx")) {
		t.Errorf("the peer read %q, %v", rest, err)
	}
	a.awaitWritten(t.Context())
	for range places {
		if !a.offered() {
			t.Error("a place did not come free")
		}
	}
}

// remembered has the write deadline that was set last.
type remembered struct {
	net.Conn
	until time.Time
}

func (r *remembered) SetWriteDeadline(until time.Time) error {
	r.until = until
	return r.Conn.SetWriteDeadline(until)
}

// The deadline of an answer is for that answer.
func TestDeadlineIsTakenAway(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	conn := &remembered{Conn: here}
	a := newAnswers(conn, Limits{Write: time.Hour, InFlight: 1}.WithDefaults())
	a.send([]byte("x"))
	if _, err := there.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	a.awaitWritten(t.Context())
	if !conn.until.IsZero() {
		t.Errorf("%v is still set", conn.until)
	}
}

// After a failed write answers go nowhere, and their places are free, so that
// nobody waits for them.
func TestAnswersAfterAFailure(t *testing.T) {
	here, there := net.Pipe()
	a := newAnswers(here, Limits{Write: time.Hour, MinRate: 1, InFlight: 1})
	if err := there.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if !a.offered() {
			t.Fatal("a place did not come free")
		}
		a.answer(record("into the void"))
		a.awaitWritten(t.Context())
	}
	if a.failure() == nil || len(a.pending) != 0 {
		t.Errorf("failure is %v, %d bytes are pending", a.failure(), len(a.pending))
	}
	if _, err := here.Write([]byte("x")); err == nil {
		t.Error("the connection is still open")
	}
}
