package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

// cluster is several servers on one data volume and one state volume, behind a
// relay that leads to the one that is ready, as a balancer does.
type cluster struct {
	t       *testing.T
	servers []*server
	relay   *relay
}

func newCluster(t *testing.T, n int) *cluster {
	dir := t.TempDir()
	c := &cluster{t: t}
	for range n {
		c.servers = append(c.servers, serverOn(t, filepath.Join(dir, "data"), filepath.Join(dir, "state")))
	}
	c.relay = newRelay(t, c.servers[0].listen, nil)
	return c
}

// leader waits until one server is ready and every other says what it waits
// for. While nobody is killed a second one must never be ready.
func (c *cluster) leader() *server {
	c.t.Helper()
	var leader *server
	c.servers[0].until(func(ctx context.Context) (bool, string) {
		leader = nil
		var reasons []string
		reds := 0
		for _, s := range c.servers {
			status, reason := s.readyz(ctx)
			reasons = append(reasons, reason)
			switch {
			case status == ready && leader != nil:
				c.t.Fatalf("%s and %s are both ready", leader.admin, s.admin)
			case status == ready:
				leader = s
			case status == red && strings.Contains(reason, "locked by another process"):
				reds++
			}
		}
		return leader != nil && reds == len(c.servers)-1, fmt.Sprintf("%q", reasons)
	})
	c.relay.lead(leader.listen)
	c.relay.shed()
	return leader
}

// TestClientLeavesStandby: a client that came to a server which is not ready
// finds the one that is, once the way leads there, though nobody ends its
// connection.
func TestClientLeavesStandby(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	f := newFleet(c.servers[0], c.relay.addr(), 1, defaultStall)
	for _, s := range c.servers {
		s.start()
	}
	leader := c.leader()
	standby := c.servers[0]
	if leader == standby {
		standby = c.servers[1]
	}
	c.relay.lead(standby.listen)
	delivered := make(chan error, 1)
	go func() { delivered <- f.deliver(t.Context(), f.next()) }()
	standby.refused(1)
	c.relay.lead(leader.listen)
	// Tries come at ever longer intervals. More than a few at the wrong server
	// after the way has changed are no longer chance.
	standby.until(func(ctx context.Context) (bool, string) {
		select {
		case err := <-delivered:
			if err != nil {
				t.Error(err)
			}
			return true, ""
		default:
		}
		n, err := standby.metric(ctx, refusals)
		if n > 8 {
			t.Errorf("the client stays with the server that is not ready: refused %v times there", n)
		}
		return n > 8, fmt.Sprint(err)
	})
}

// refused waits until the server has refused so many messages.
func (s *server) refused(least float64) {
	s.t.Helper()
	s.until(func(ctx context.Context) (bool, string) {
		n, err := s.metric(ctx, refusals)
		return err == nil && n >= least, fmt.Sprintf("%v messages refused, %v", n, err)
	})
}

const refusals = "sealpost_refusals_total"

// TestTakeover kills the one of three servers that is ready, again and again;
// another takes over, and the load goes on: over a balancer, which leads to it, or of
// clients that know all three.
func TestTakeover(t *testing.T) {
	t.Parallel()
	t.Run("balancer", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t, 3)
		c.takeOver(c.relay.addr(), "03 server killed, another takes over")
	})
	t.Run("addresses", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t, 3)
		var all []string
		for _, s := range c.servers {
			all = append(all, s.listen)
		}
		c.takeOver(strings.Join(all, ","), "03 server killed, clients go on with another")
	})
}

// takeOver has clients send to addr meanwhile, and reports as row.
func (c *cluster) takeOver(addr, row string) {
	t := c.t
	f := newFleet(c.servers[0], addr, 3, defaultStall)
	for _, s := range c.servers {
		s.start()
	}
	leader := c.leader()
	f.pickup = pickupFrom(leader.data)
	stopPolling := f.poll(leader.data)
	load := f.load(24)
	random := rand.New(rand.NewPCG(*seed, 3))
	for range rounds(4, 100) {
		f.await(1 + random.IntN(300))
		c.depose(leader, random)
		leader = c.leader()
	}
	load.finish()
	f.settle(leader.data, stopPolling)
	for _, s := range c.servers {
		s.stop()
	}
	results.report(t, row, leader.audit(f.ledger))
}

// depose ends the leader, by a kill or in order, or all servers at once, and
// starts again what ended.
func (c *cluster) depose(leader *server, random *rand.Rand) {
	c.t.Helper()
	switch random.IntN(4) {
	case 0:
		leader.stop()
		leader.start()
	case 1:
		for _, s := range c.servers {
			s.kill()
		}
		for _, s := range c.servers {
			s.start()
		}
	default:
		leader.kill()
		leader.start()
	}
}
