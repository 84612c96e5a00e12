package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/mod/semver"
)

// leastVersion is the first of the nodes' program that was tried, with power cuts.
const leastVersion = "v2.15.2"

// nodesSubject is where all nodes of the cluster answer, in the system account, which must
// export it to the stream's.
const nodesSubject = "$SYS.REQ.SERVER.PING.VARZ"

// node is what a node says of itself.
type node struct {
	Name      string `json:"server_name"`
	Version   string `json:"version"`
	JetStream struct {
		Config *struct { // nil: it keeps no streams
			SyncAlways bool `json:"sync_always"`
		} `json:"config"`
	} `json:"jetstream"`
}

// keeps reports whether the node keeps streams. One whose disk is full does not until it is
// started again, and is as one that does not run.
func (n node) keeps() bool { return n.JetStream.Config != nil }

// checkNodes asks the nodes that keep the stream whether they flush before they
// acknowledge: otherwise a power cut of more than half of them takes what was acknowledged.
func (s *Stream) checkNodes(ctx context.Context, info Info) error {
	waited := map[string]bool{info.Leader: true}
	for _, p := range info.Peers {
		waited[p.Name] = true
	}
	all, heard := len(waited), 0
	answers, end, err := s.askNodes()
	if err != nil {
		return err
	}
	defer end()
	late := time.After(answerWait)
	for heard < all {
		select {
		case m := <-answers:
			if len(m.Data) == 0 { // from the node that this is connected to: nobody is asked
				return s.heard(heard, all)
			}
			n, err := parseNode(m)
			if err != nil {
				return err
			}
			if !waited[n.Name] || !n.keeps() {
				continue
			}
			waited[n.Name] = false
			heard++
			if err := s.checkNode(n); err != nil {
				return err
			}
		case <-late:
			return s.heard(heard, all)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// mostAnswers is more than a cluster has nodes.
const mostAnswers = 256

func (s *Stream) askNodes() (answers chan *nats.Msg, end func(), err error) {
	answers = make(chan *nats.Msg, mostAnswers)
	inbox := s.conn.NewInbox()
	sub, err := s.conn.ChanSubscribe(inbox, answers)
	if err != nil {
		return nil, nil, err
	}
	end = func() { _ = sub.Unsubscribe() }
	if err := s.conn.PublishRequest(nodesSubject, inbox, nil); err != nil {
		end()
		return nil, nil, err
	}
	return answers, end, nil
}

func parseNode(m *nats.Msg) (node, error) {
	var answer struct {
		Data node `json:"data"`
	}
	err := json.Unmarshal(m.Data, &answer)
	return answer.Data, err
}

func (s *Stream) checkNode(n node) error {
	e := &NodeError{Stream: s.cfg.Name, Node: n.Name}
	switch {
	case !n.JetStream.Config.SyncAlways:
		e.Field, e.Got, e.Want = "sync_interval", "a time", "always"
	case semver.Compare("v"+n.Version, leastVersion) < 0:
		e.Field, e.Got, e.Want = "version", n.Version, leastVersion+" or newer"
	default:
		return nil
	}
	return e
}

// heard is nil where enough nodes have answered.
func (s *Stream) heard(n, all int) error {
	if 2*n > all {
		return nil
	}
	return fmt.Errorf("%s: %d of %d nodes say how they keep it; its account must import %s from the system account",
		s, n, all, nodesSubject)
}
