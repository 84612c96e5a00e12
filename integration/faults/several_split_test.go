package faults

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sealpost/services/server/stream/natstest"
)

// stallSeveral is after how long senders leave a server that says nothing: far less than it
// may take where the log cannot be written to.
const stallSeveral = 10 * time.Second

// newSeveralApart has nodes that can be cut off from each other.
func newSeveralApart(t *testing.T) (*several, *routes) {
	t.Helper()
	r := newRoutes(t)
	return newSeveral(t, natstest.Options{Route: r.route}), r
}

// severalNodeCutOff takes one node after the other from the two others, which servers
// reach all the while. Messages are taken meanwhile.
func severalNodeCutOff(t *testing.T) {
	t.Parallel()
	s, r := newSeveralApart(t)
	f, load := s.underLoad(stallSeveral, 8)
	for round := range rounds(1, 6) {
		f.await(20)
		r.cut(round%3, round%2 == 0)
		f.await(60)
		r.heal()
		s.readyNodes()
		s.ready()
	}
	load.finish()
	s.settle(f, "43 several: a node cut off")
}

// severalSplit has one half with a server and a node, one with two of each: in the
// first nobody hears of a receipt, and the server there says why.
func severalSplit(t *testing.T) {
	t.Parallel()
	s, r := newSeveralApart(t)
	for i, one := range s.servers { // each has the node beside it, and no other
		one.env = append(one.env, "SERVER_NATS_URL="+s.nodes.Nodes[i].URL())
	}
	f, load := s.underLoad(stallSeveral, 8)
	random := rand.New(rand.NewPCG(*seed, 44))
	for round := range rounds(1, 9) {
		f.await(5 + random.IntN(60))
		lone := round % 3
		r.cut(lone, round%2 == 1)
		t.Logf("%s is alone, and says: %s", serverNames[lone], s.servers[lone].await(red))
		f.await(60)
		if status, reason := s.servers[lone].readyz(patient(t)); status != red {
			t.Errorf("a server in the smaller half says %d: %s", status, reason)
		}
		r.heal()
		s.readyNodes()
		s.ready()
	}
	load.finish()
	s.settle(f, "43 several: both halves of a split")
}

// severalScattered has each node alone with a server: nobody gets a receipt, all
// servers say why, and go on by themselves.
func severalScattered(t *testing.T) {
	t.Parallel()
	s, r := newSeveralApart(t)
	f, load := s.underLoad(stallSeveral, 8)
	for round := range rounds(1, 4) {
		f.await(30)
		for i := range s.nodes.Nodes {
			r.cut(i, round%2 == 0)
		}
		var reasons []string
		for _, one := range s.servers {
			reasons = append(reasons, one.await(red))
		}
		t.Log("all are alone, and say: ", strings.Join(reasons, " / "))
		r.heal()
		s.readyNodes()
		s.ready()
	}
	load.finish()
	s.settle(f, "43 several: all nodes apart")
}

// severalSlowNode has one node after the other hear of everything late, also the one
// that leads.
func severalSlowNode(t *testing.T) {
	t.Parallel()
	s, r := newSeveralApart(t)
	f, load := s.underLoad(defaultStall, 8)
	for round := range rounds(1, 6) {
		f.await(20)
		for _, w := range r.of(round % 3) {
			w.slow(time.Duration(50*(round+1)) * time.Millisecond)
		}
		f.await(60)
		r.heal()
	}
	load.finish()
	s.readyNodes()
	s.settle(f, "43 several: a slow node")
}
