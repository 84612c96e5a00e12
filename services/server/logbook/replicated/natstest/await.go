package natstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
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

// AwaitNodes waits until the nodes have a leader for what they keep of streams, and all
// that run have caught up with it.
func (c *Cluster) AwaitNodes() {
	c.t.Helper()
	c.until("the nodes have a leader", func() error {
		m, err := c.system.Request("$SYS.REQ.SERVER.PING.JSZ", []byte(`{"leader_only":true}`), answerWait)
		if err != nil {
			return err
		}
		var answer struct {
			Data struct {
				Meta struct {
					Leader   string `json:"leader"`
					Replicas []peer `json:"replicas"`
				} `json:"meta_cluster"`
			} `json:"data"`
		}
		if err := json.Unmarshal(m.Data, &answer); err != nil {
			return err
		}
		return c.current(answer.Data.Meta.Leader, answer.Data.Meta.Replicas)
	})
}

// Await waits until a stream has a leader, and all nodes that run have caught up with it.
func (c *Cluster) Await(stream string) {
	c.t.Helper()
	c.until("all nodes have caught up with "+stream, func() error {
		group, err := c.group(context.Background(), stream)
		if err != nil {
			return err
		}
		peers := make([]peer, len(group.Replicas))
		for i, p := range group.Replicas {
			peers[i] = peer{p.Name, p.Current && p.Lag == 0, p.Offline}
		}
		return c.current(group.Leader, peers)
	})
}

// current is an error unless all nodes that run have caught up.
func (c *Cluster) current(leader string, others []peer) error {
	if leader == "" {
		return errors.New("no leader")
	}
	for _, n := range c.Nodes {
		if n.Name == leader || !n.running() || n.held {
			continue
		}
		if !slices.Contains(others, peer{n.Name, true, false}) {
			return fmt.Errorf("%s has not caught up: %+v", n.Name, others)
		}
	}
	return nil
}

func (c *Cluster) group(ctx context.Context, stream string) (*jetstream.ClusterInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	found, err := c.js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	group := found.CachedInfo().Cluster
	if group == nil || group.Leader == "" {
		return nil, errors.New("no leader")
	}
	return group, nil
}
