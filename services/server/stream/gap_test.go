package stream_test

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"sealpost/services/server/stream"
	"sealpost/services/server/stream/natstest"
)

// An entry that is on no node: another one is made to lead, and then Read says so.
func testGap(t *testing.T, c *natstest.Cluster) {
	made, err := c.JetStream().CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "GAP", Subjects: []string{"sealpost.gap"}, Replicas: 3, MaxBytes: 1 << 20, // without DenyDelete
	})
	if err != nil {
		t.Fatal(err)
	}
	s, log := logged(t, c, "GAP")
	publish(t, s, 0, 20)
	if err := made.DeleteMsg(t.Context(), 11); err != nil {
		t.Fatal(err)
	}
	c.Await("GAP")
	before := c.Leader("GAP")
	visited := uint64(0)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err = s.Read(ctx, 0, func(e stream.Entry) error {
		if visited = e.Position; visited > 11 {
			return errEnough
		}
		return nil
	})
	var gap *stream.GapError
	if !errors.As(err, &gap) || gap.Position != 11 || visited != 10 {
		t.Errorf("%v, after %d", err, visited)
	}
	if c.Leader("GAP") == before || log.count(mustStepDown) != 1 {
		t.Errorf("%s led and had to step down %d times", before.Name, log.count(mustStepDown))
	}
	if info, err := s.Info(t.Context()); err != nil || info.Deleted != 1 {
		t.Errorf("%+v %v", info, err)
	}
	for range 4 { // nobody has it, who reads on or not
		if err := s.Read(t.Context(), 10, func(stream.Entry) error { return errEnough }); !errors.As(err, &gap) {
			t.Errorf("again: %v", err)
		}
	}
	if n := log.count(mustStepDown); n != len(c.Nodes)-1 {
		t.Errorf("%d leaders had to step down", n)
	}
}

// A leader that lost entries is made to step down, and they come from the next one.
func testDamagedLeader(t *testing.T, c *natstest.Cluster) {
	// Of a stream so small a block has 32 KB, and the damage is within the first.
	create(t, c, "DAMAGED", stream.Settings{MaxBytes: 120_000})
	s, log := logged(t, c, "DAMAGED")
	const count = 800
	publish(t, s, 0, count)
	c.Await("DAMAGED")
	n := c.Nodes[0]
	again(c, n, func() { n.Damage("DAMAGED") })
	// Whether Read meets the gap depends on the node that its consumer is on, which the
	// cluster draws.
	for log.count(mustStepDown) == 0 {
		c.Lead("DAMAGED", n)
		if info, err := s.Info(t.Context()); err != nil || info.Leader == n.Name && info.Deleted == 0 {
			t.Fatalf("the leader is not damaged: %+v %v", info, err)
		}
		for i, e := range read(t, s, 0, count) {
			if e.Position != uint64(i+1) {
				t.Fatalf("entry %d is at %d", i, e.Position)
			}
		}
	}
	if c.Leader("DAMAGED") == n || log.count(`"node":"n1"`) < 2 {
		t.Errorf("%s leads again, or was not named as consumer's node and as leader", n.Name)
	}
	again(c, n, n.Wipe)
	c.Lead("DAMAGED", n)
	if info, err := s.Info(t.Context()); err != nil || info.Deleted != 0 || info.Entries != count {
		t.Errorf("after it was emptied: %+v %v", info, err)
	}
}

// again stops a node and starts it after something was done to it.
func again(c *natstest.Cluster, n *natstest.Node, do func()) {
	n.Stop()
	do()
	n.Start()
	c.AwaitNodes()
	c.Await("DAMAGED")
}

func testTrimmed(t *testing.T, c *natstest.Cluster) {
	s := create(t, c, "TRIMMED", stream.Settings{MaxBytes: 1 << 20})
	publish(t, s, 0, 20)
	if err := s.Purge(t.Context(), 11); err != nil {
		t.Fatal(err)
	}
	for _, after := range []uint64{0, 9} {
		err := s.Read(t.Context(), after, func(e stream.Entry) error {
			t.Errorf("after %d it reads %d", after, e.Position)
			return nil
		})
		var trimmed *stream.TrimmedError
		if !errors.As(err, &trimmed) || trimmed.First != 11 {
			t.Errorf("after %d: %v", after, err)
		}
	}
	if got := read(t, s, 10, 10); got[0].Position != 11 || string(got[9].Data) == "" {
		t.Errorf("from the first on: %+v", got)
	}
}

// What is trimmed while visit is slow is seen, too.
func testTrimmedWhileWaiting(t *testing.T, c *natstest.Cluster) {
	s := create(t, c, "SLOW", stream.Settings{MaxBytes: 8 << 20})
	const count = 2000 // more than a consumer sends ahead
	publish(t, s, 0, count)
	err := s.Read(t.Context(), 0, func(e stream.Entry) error {
		if e.Position == 1 {
			return s.Purge(t.Context(), count+1)
		}
		return nil
	})
	var trimmed *stream.TrimmedError
	if !errors.As(err, &trimmed) || trimmed.First != count+1 {
		t.Errorf("got %v", err)
	}
}
