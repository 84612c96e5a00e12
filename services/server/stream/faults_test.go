package stream_test

import (
	"testing"

	"sealpost/services/server/stream"
	"sealpost/services/server/stream/natstest"
)

// under has entries published and read, causes a fault and waits until both go on by
// themselves. heal ends the fault.
func under(t *testing.T, c *natstest.Cluster, name string, fault, heal func()) {
	s := create(t, c, name, stream.Settings{MaxBytes: 256 << 20})
	c.Await(name)
	l := startLoad(t, s)
	l.await("entries are read before the fault", 300)
	fault()
	l.await("entries are read during the fault", 300)
	heal()
	l.await("entries are read after it", 300)
	l.finish()
	c.AwaitNodes() // for the next test
	c.Await(name)
}

func testLeaderKilled(t *testing.T, c *natstest.Cluster) {
	var leader *natstest.Node
	under(t, c, "KILLED", func() {
		leader = c.Leader("KILLED")
		leader.Kill()
	}, func() { leader.Start() })
}

// A node that hangs keeps its connections, and leads until the others notice.
func testNodePaused(t *testing.T, c *natstest.Cluster) {
	var leader *natstest.Node
	under(t, c, "PAUSED", func() {
		leader = c.Leader("PAUSED")
		leader.Pause()
	}, func() { leader.Resume() })
}

func testAllKilled(t *testing.T, c *natstest.Cluster) {
	under(t, c, "ALL", func() {
		for _, n := range c.Nodes {
			n.Kill()
		}
		for _, n := range c.Nodes {
			n.Start()
		}
	}, func() {})
}
