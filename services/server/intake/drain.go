package intake

import (
	"net"
	"time"
)

// drain gives the deadlines of the writes to a peer. No single write may take
// longer than timeout. While answers wait, all of them together must leave at rate
// or faster; otherwise a peer that reads a little now and then would have the
// server hold its answers for ever.
type drain struct {
	timeout time.Duration
	rate    uint64 // bytes a second

	spent   time.Duration // in writes, since there is something to take
	written uint64        // bytes since then
}

// answerRate is how much faster than a body answers must move: a receipt is a
// few times what its offer is.
const answerRate = 4

func newDrain(l Limits) drain {
	rate := l.MinRate * answerRate
	if rate/answerRate != l.MinRate {
		rate = l.MinRate
	}
	return drain{timeout: l.Write, rate: rate}
}

// begin is called when the first answer waits.
func (d *drain) begin() { d.spent, d.written = 0, 0 }

// deadline is that of a write of n bytes.
func (d *drain) deadline(now time.Time, n int) time.Time {
	single := now.Add(d.timeout)
	seconds := float64(d.written+uint64(n)) / float64(d.rate)
	if seconds > d.spent.Seconds() { // also what is beyond a Duration
		return single
	}
	whole := now.Add(d.timeout - d.spent + time.Duration(seconds*float64(time.Second)))
	if whole.Before(single) {
		return whole
	}
	return single
}

// wrote counts the bytes of a write and the time that it took. The time in which
// answers are made does not count against the peer.
func (d *drain) wrote(n int, took time.Duration) {
	d.written += uint64(n)
	d.spent += took
}

// socketBuffer is what the kernel may hold for a peer that does not read: left
// to itself it grows to some MiB. It counts twice as much, for its own needs.
const socketBuffer = 128 << 10

// boundBuffers bounds what the kernel holds of answers to conn.
func boundBuffers(conn net.Conn) {
	if tcp, ok := conn.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = tcp.SetWriteBuffer(socketBuffer) // a connection that has ended, which its first read shows
	}
}
