package natstest

import (
	"context"
	"fmt"
)

// Leader returns the node that leads a stream, and waits for one.
func (c *Cluster) Leader(stream string) *Node {
	c.t.Helper()
	var leader *Node
	c.until(stream+" has a leader", func() error {
		group, err := c.group(context.Background(), stream)
		if err != nil {
			return err
		}
		for _, n := range c.Nodes {
			if n.Name == group.Leader && n.running() {
				leader = n
				return nil
			}
		}
		return fmt.Errorf("%s leads, and does not run", group.Leader)
	})
	return leader
}

// Lead has a node lead a stream.
func (c *Cluster) Lead(stream string, n *Node) {
	c.t.Helper()
	order := fmt.Appendf(nil, `{"placement":{"preferred":%q}}`, n.Name)
	c.until(n.Name+" leads "+stream, func() error {
		if c.Leader(stream) == n {
			return nil
		}
		m, err := c.admin.Request("$JS.API.STREAM.LEADER.STEPDOWN."+stream, order, answerWait)
		if err != nil {
			return err
		}
		return fmt.Errorf("another node leads, and answers: %s", m.Data)
	})
}
