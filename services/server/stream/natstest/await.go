package natstest

import (
	"fmt"
	"slices"
	"time"
)

const (
	lookEvery  = 50 * time.Millisecond
	answerWait = time.Second
)

// until calls do until it succeeds. The test fails where that takes too long, or where
// another program has a node's port for that long.
func (c *Cluster) until(what string, do func() error) {
	c.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := do()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%s: not within %v: %v", what, patience, err)
		}
		time.Sleep(lookEvery)
	}
}

// peer is a node, as a leader sees it.
type peer struct {
	Name    string `json:"name"`
	Current bool   `json:"current"`
	Offline bool   `json:"offline"`
}

// AwaitNodes waits until the nodes have a leader for what they know of streams, and all
// that run have caught up with it.
func (c *Cluster) AwaitNodes() {
	c.t.Helper()
	c.until("the nodes have a leader", func() error {
		var answer struct {
			Meta struct {
				Leader   string `json:"leader"`
				Replicas []peer `json:"replicas"`
			} `json:"meta_cluster"`
		}
		if err := c.ask(`{"leader_only":true}`, &answer); err != nil {
			return err
		}
		return c.current(answer.Meta.Leader, answer.Meta.Replicas)
	})
}

// Await waits until a stream that all nodes keep has a leader, and those that run have its
// entries. A node that the leader calls current may lack them all: it has the leader's log
// then, and asks the others for what came before.
func (c *Cluster) Await(stream string) {
	c.t.Helper()
	c.until("all nodes have caught up with "+stream, func() error {
		info, err := c.Info(stream)
		if err != nil {
			return err
		}
		peers := make([]peer, len(info.Cluster.Replicas))
		for i, p := range info.Cluster.Replicas {
			peers[i] = peer{p.Name, p.Current && p.Lag == 0, p.Offline}
		}
		err = c.current(info.Cluster.Leader, peers)
		for _, p := range peers {
			if n := c.byName(p.Name); err == nil && n.moves() {
				err = n.reaches(stream, info.State.LastSeq)
			}
		}
		return err
	})
}

// current is an error unless all nodes that run are current.
func (c *Cluster) current(leader string, others []peer) error {
	if leader == "" {
		return errNoLeader
	}
	for _, n := range c.Nodes {
		if n.Name != leader && n.moves() && !slices.Contains(others, peer{n.Name, true, false}) {
			return fmt.Errorf("%s has not caught up: %+v", n.Name, others)
		}
	}
	return nil
}

func (c *Cluster) byName(name string) *Node {
	c.t.Helper()
	i := slices.IndexFunc(c.Nodes, func(n *Node) bool { return n.Name == name })
	if i < 0 {
		c.t.Fatalf("no node %s", name)
	}
	return c.Nodes[i]
}
