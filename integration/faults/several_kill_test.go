package faults

import (
	"math/rand/v2"
	"testing"

	"sealpost/services/server/stream/natstest"
)

// severalKilled kills servers and nodes of the replicated log, one, some or all of a
// kind at once, under load that never pauses.
func severalKilled(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, natstest.Options{})
	f, load := s.underLoad(defaultStall, 8)
	random := rand.New(rand.NewPCG(*seed, 40))
	kills := []func(*rand.Rand){s.killServer, s.killNode, s.killNodes, s.killLeader, s.killServers, s.killBoth}
	for round := range rounds(3, 40) {
		f.await(5 + random.IntN(100))
		kill := kills[round%len(kills)]
		kill(random)
	}
	load.finish()
	s.readyNodes()
	s.settle(f, "40 several: servers and nodes killed")
}

func (s *several) killServer(random *rand.Rand) {
	one := s.servers[random.IntN(len(s.servers))]
	one.kill()
	one.start()
}

func (s *several) killServers(*rand.Rand) {
	for _, one := range s.servers {
		one.kill()
	}
	s.start()
}

func (s *several) killNode(random *rand.Rand) {
	restart(s.nodes.Nodes[random.IntN(len(s.nodes.Nodes))])
}

// killLeader kills the node that has the last word on what is in the log.
func (s *several) killLeader(*rand.Rand) { restart(s.nodes.Leader(s.log)) }

func (s *several) killNodes(*rand.Rand) { restart(s.nodes.Nodes...) }

// killBoth kills a server and a node at once, and the server again while it starts.
func (s *several) killBoth(random *rand.Rand) {
	one, n := s.servers[random.IntN(len(s.servers))], s.nodes.Nodes[random.IntN(len(s.nodes.Nodes))]
	one.kill()
	n.Kill()
	one.start()
	one.kill()
	n.Start()
	one.start()
}

// restart kills nodes and starts them again.
func restart(nodes ...*natstest.Node) {
	for _, n := range nodes {
		n.Kill()
	}
	for _, n := range nodes {
		n.Start()
	}
}
