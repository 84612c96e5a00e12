package natstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

var errNoLeader = errors.New("no leader")

// ask has the nodes that an order fits report on their JetStream, and reads the first
// report.
func (c *Cluster) ask(order string, report any) error {
	m, err := c.system.Request("$SYS.REQ.SERVER.PING.JSZ", []byte(order), answerWait)
	if err != nil {
		return err
	}
	return json.Unmarshal(m.Data, &struct {
		Data any `json:"data"`
	}{report})
}

// reaches is an error unless the node itself has a stream's entry at a position, or a
// later one.
func (n *Node) reaches(stream string, position uint64) error {
	var report struct {
		Accounts []struct {
			Streams []struct {
				Name  string                `json:"name"`
				State jetstream.StreamState `json:"state"`
			} `json:"stream_detail"`
		} `json:"account_details"`
	}
	order := fmt.Sprintf(`{"server_name":%q,"exact_match":true,"account":%q,"streams":true}`, n.Name, account)
	if err := n.cluster.ask(order, &report); err != nil {
		return err
	}
	for _, a := range report.Accounts {
		for _, s := range a.Streams {
			if s.Name == stream && s.State.LastSeq >= position {
				return nil
			}
		}
	}
	return fmt.Errorf("%s does not have entry %d of %s: %+v", n.Name, position, stream, report)
}

// Info is what the leader of a stream says of it. The error says that nobody leads, or
// answered in time.
func (c *Cluster) Info(stream string) (*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerWait)
	defer cancel()
	found, err := c.js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	info := found.CachedInfo()
	if info.Cluster == nil || info.Cluster.Leader == "" {
		return nil, errNoLeader
	}
	return info, nil
}
