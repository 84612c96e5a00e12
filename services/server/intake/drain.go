package intake

import (
	"net"
	"time"
)

// drain gives the deadlines of the writes to a peer that has answers to take. No
// single write may take longer than timeout, and from when there is something
// to take until there is nothing, the whole must go at rate or faster: else a
// peer that reads a little now and then has the server hold its answers for
// ever.
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

// begin is called when there has come to be something to write.
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

// wrote counts what a write has put on its way, and the time it took: that in
// which answers were made is not the peer's.
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
