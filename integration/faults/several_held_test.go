package faults

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"sealpost/services/server/stream/natstest"
	"sealpost/shared/durable/durabletest"
)

// severalHeld holds servers and nodes for longer than anybody waits for them: their
// connections stay, and nothing moves. Messages are taken meanwhile. What goes on then
// takes up where it was, and knows of nothing that happened.
func severalHeld(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, natstest.Options{})
	f, load := s.underLoad(stallSeveral, 8)
	random := rand.New(rand.NewPCG(*seed, 45))
	for round := range rounds(1, 4) {
		f.await(5 + random.IntN(60))
		var resume func()
		switch round % 4 {
		case 0:
			resume = s.hold(s.servers[random.IntN(3)])
		case 1:
			resume = holdNode(s.nodes.Leader(s.log))
		case 2:
			resume = s.hold(s.servers[random.IntN(3)])
		case 3:
			resume = holdNode(s.nodes.Nodes[random.IntN(3)])
		}
		over := time.After(time.Minute) // the pause is the fault
		f.await(60)
		<-over
		resume()
		s.readyNodes()
		s.ready()
	}
	load.finish()
	s.settle(f, "44 several: servers and nodes held for a minute")
}

// hold keeps a server from moving.
func (s *several) hold(one *server) (resume func()) {
	s.t.Helper()
	s.must(durabletest.Hold(one.cmd.Process))
	return func() { s.must(one.cmd.Process.Signal(syscall.SIGCONT)) }
}

func holdNode(n *natstest.Node) (resume func()) {
	n.Pause()
	return n.Resume
}
