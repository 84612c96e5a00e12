package stream

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Info is the state of the stream, as its leader has it.
type Info struct {
	First, Last uint64 // positions; without entries First is Last + 1
	Entries     uint64
	Deleted     uint64 // positions between First and Last that have none
	Bytes       uint64 // that the nodes count for the entries, of MaxBytes
	MaxBytes    int64
	Leader      string // name of the node; "": none
	Peers       []Peer // the other nodes
}

// Peer is a node that keeps the stream and does not lead it, as the leader sees it.
type Peer struct {
	Name    string
	Current bool   // it has the leader's log, but where it lost its disk perhaps no entries yet
	Offline bool   // the leader has not heard of it for a while
	Lag     uint64 // operations that it has to catch up
}

// unheard is how long a leader may not hear of a node that is there, which answers it each
// second. Leaders themselves take minutes to call a node offline that was killed.
const unheard = 10 * time.Second

// Info asks the leader. Without one it is an error.
func (s *Stream) Info(ctx context.Context) (Info, error) {
	found, err := find(ctx, s.js, s.cfg.Name)
	if err == nil {
		err = ledBy(found.CachedInfo())
	}
	s.answered(err)
	if err != nil {
		return Info{}, err
	}
	return infoOf(found.CachedInfo()), nil
}

// ledBy is an error where nobody leads: a node that did, and is cut off from the others, goes
// on answering.
func ledBy(i *jetstream.StreamInfo) error {
	if i.Cluster != nil && i.Cluster.Leader == "" {
		return errNoLeader
	}
	return nil
}

func infoOf(i *jetstream.StreamInfo) Info {
	info := Info{
		First: i.State.FirstSeq, Last: i.State.LastSeq, Entries: i.State.Msgs, Bytes: i.State.Bytes,
		Deleted: uint64(max(i.State.NumDeleted, 0)), MaxBytes: i.Config.MaxBytes,
	}
	if info.Entries == 0 {
		info.First = info.Last + 1 // a new stream says 0
	}
	if i.Cluster == nil {
		return info
	}
	info.Leader = i.Cluster.Leader
	for _, p := range i.Cluster.Replicas {
		info.Peers = append(info.Peers, Peer{p.Name, p.Current, p.Offline || p.Active > unheard, p.Lag})
	}
	return info
}
