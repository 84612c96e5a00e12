package faults

import (
	"sync"
	"testing"
	"time"
)

// routes are the ways by which nodes reach each other. Each can be cut, and be slow.
type routes struct {
	t    *testing.T
	ways map[[2]int]*route
}

// route is the way from one node to another, with the connections that the first made.
type route struct {
	*relay
	target string

	mu    sync.Mutex
	led   chan struct{} // nil: what is sent comes through; else closed when it does again
	delay time.Duration // of what is sent
}

func newRoutes(t *testing.T) *routes {
	r := &routes{t: t, ways: make(map[[2]int]*route)}
	return r
}

// route returns where a node finds another one: for natstest.
func (r *routes) route(from, to int, address string) string {
	w := r.ways[[2]int{from, to}]
	if w == nil {
		w = new(route)
		w.relay = newRelay(r.t, address, nil, func(l *relay) { l.passing, l.coming = w.pass, w.pass })
		r.t.Cleanup(w.heal) // or the relay would not end
		r.ways[[2]int{from, to}] = w
	}
	w.target = address
	w.lead(address)
	return w.addr()
}

// pass holds what is sent for as long as the way is cut, or slow.
func (w *route) pass(int) {
	w.mu.Lock()
	led, delay := w.led, w.delay
	w.mu.Unlock()
	if led != nil {
		<-led
	}
	if delay > 0 {
		<-time.After(delay) // this is the fault, and no wait for something
	}
}

func (w *route) hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.led == nil {
		w.led = make(chan struct{})
	}
}

func (w *route) heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.led != nil {
		close(w.led)
	}
	w.led, w.delay = nil, 0
}

func (w *route) slow(by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delay = by
}

// of are the ways to and from a node.
func (r *routes) of(node int) (ways []*route) {
	for ends, w := range r.ways {
		if ends[0] == node || ends[1] == node {
			ways = append(ways, w)
		}
	}
	return ways
}

// cut takes a node from the others. Its connections end, or nobody hears of it: then they
// stay, and nothing comes through.
func (r *routes) cut(node int, silent bool) {
	for _, w := range r.of(node) {
		w.hold()
		w.lead("")
		if !silent {
			w.shed()
		}
	}
}

// heal has all come through again.
func (r *routes) heal() {
	for _, w := range r.ways {
		w.heal()
		w.lead(w.target)
	}
}
