package natstest

import "fmt"

// Leader returns the node that leads a stream, and waits for one.
func (c *Cluster) Leader(stream string) *Node {
	c.t.Helper()
	var leader *Node
	c.until(stream+" has a leader", func() error {
		info, err := c.Info(stream)
		if err != nil {
			return err
		}
		if leader = c.byName(info.Cluster.Leader); !leader.running() {
			return fmt.Errorf("%s led, and does not run", leader.Name)
		}
		return nil
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
		c.Await(stream) // elections would hold up a node that catches up, for ever
		m, err := c.admin.Request("$JS.API.STREAM.LEADER.STEPDOWN."+stream, order, answerWait)
		if err != nil {
			return err
		}
		return fmt.Errorf("another node led, and answered: %s", m.Data)
	})
}
