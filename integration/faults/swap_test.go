package faults

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"

	"sealpost/integration/faults/ledger"
)

// swap says which bytes of two connections change places.
type swap struct {
	up, down bool
	at       int
}

// TestSwapped joins two senders' connections: from some byte on each client
// hears what the server says to the other, or the server hears each in the
// other's place.
func TestSwapped(t *testing.T) {
	t.Parallel()
	s := newServer(t, impatient...)
	s.start()
	s.await(ready)
	known := ledger.New()
	a, b := newVictim(s, "store-17", known), newVictim(s, "plant-03", known)
	tp := record(t, a)
	random := rand.New(rand.NewPCG(*seed, 203))
	swaps := []swap{{up: true}, {down: true}} // with both from the first byte on they would only change names
	for _, at := range places(tp.down.Len()-farewell, 12, random) {
		swaps = append(swaps, swap{down: true, at: at})
	}
	for _, at := range places(tp.up.Len()-farewell, 12, random) {
		swaps = append(swaps, swap{up: true, at: at}, swap{up: true, down: true, at: at})
	}
	each(t, swaps, func(w swap) error { return swapped(t, a, b, w) })
	s.stop()
	results.report(t, "11 attack: swapped", s.audit(known))
}

// swapped has both send a letter, with their first connections joined.
func swapped(t *testing.T, a, b *victim, w swap) error {
	first := make(chan *net.TCPConn, 2)
	joined := &joint{swap: w}
	i := intercept(t, func(i *interceptor, n int, client *net.TCPConn) {
		if n > 1 {
			i.pass(client, a.s.listen, io.Discard, io.Discard)
			return
		}
		first <- client
		if n == 1 {
			joined.run(i, a.s.listen, <-first, <-first)
		}
	})
	defer i.close()
	var both sync.WaitGroup
	errs := make([]error, 2)
	for n, v := range []*victim{a, b} {
		l := v.write()
		both.Go(func() { errs[n] = l.send(v.courier(i.addr())) })
	}
	both.Wait()
	if errs[0] != nil {
		return errs[0]
	}
	return errs[1]
}

// joint is two connections that are joined.
type joint struct {
	swap
	clients, servers [2]*net.TCPConn
}

func (j *joint) run(i *interceptor, addr string, a, b *net.TCPConn) {
	j.clients = [2]*net.TCPConn{a, b}
	j.servers = [2]*net.TCPConn{i.dial(addr), i.dial(addr)}
	defer j.cut()
	if j.servers[0] == nil || j.servers[1] == nil {
		return
	}
	var all sync.WaitGroup
	for n := range 2 {
		all.Go(func() { j.carry(j.clients[n], j.servers[n], j.servers[1-n], j.up) })
		all.Go(func() { j.carry(j.servers[n], j.clients[n], j.clients[1-n], j.down) })
	}
	all.Wait()
}

// carry passes bytes on to own, and those from at on to other where they are
// swapped. The first end of any of the four is the end of all.
func (j *joint) carry(from, own, other *net.TCPConn, swapped bool) {
	defer j.cut()
	if !swapped {
		_, _ = io.Copy(own, from)
		return
	}
	if _, err := io.CopyN(own, from, int64(j.at)); err == nil {
		_, _ = io.Copy(other, from)
	}
}

func (j *joint) cut() {
	for _, conn := range append(j.clients[:], j.servers[:]...) {
		if conn != nil {
			_ = conn.Close()
		}
	}
}
