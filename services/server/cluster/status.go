package cluster

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/stream"
)

// Status is what is known of a cluster. Its fields in JSON keep their names and meanings;
// there may come to be others.
type Status struct {
	Logbook  string          `json:"logbook"`
	First    uint64          `json:"first"` // position where the replicated log begins
	Last     uint64          `json:"last"`  // and where it ends
	Bytes    uint64          `json:"bytes"` // that it takes on each node
	MaxBytes int64           `json:"max_bytes"`
	Settings *entry.Settings `json:"settings,omitempty"`
	Nodes    []Node          `json:"nodes"`
	Servers  []Server        `json:"servers"`
	Unfit    string          `json:"unfit,omitempty"` // why the log cannot be relied on
}

// Node keeps the log.
type Node struct {
	Name    string `json:"name"`
	Leads   bool   `json:"leads"`
	Missing bool   `json:"missing"`
	Lag     uint64 `json:"lag"` // operations that it has to catch up
}

// Server counts in the log.
type Server struct {
	Name    string `json:"name"`
	Durable uint64 `json:"durable"` // up to which it has said that it keeps everything
	Lag     uint64 `json:"lag"`     // entries behind that
	Differs bool   `json:"differs"` // it has read something else than the log has
}

// Status asks the nodes, and reads what the servers have said in the log. dir is a log volume.
func (c *Cluster) Status(ctx context.Context, logbookID, dir string) (s Status, err error) {
	t, err := c.control(ctx, logbookID, dir)
	if err != nil {
		return s, err
	}
	defer t.close()
	info, err := t.log.Info(ctx)
	if err != nil {
		return s, err
	}
	s = Status{
		Logbook: logbookID, First: info.First, Last: info.Last, Bytes: info.Bytes, MaxBytes: info.MaxBytes,
		Settings: t.now.Settings, Nodes: nodesOf(info), Servers: serversOf(t.now),
	}
	if err := t.log.Check(ctx); err != nil {
		s.Unfit = err.Error()
	}
	return s, nil
}

func nodesOf(i stream.Info) []Node {
	nodes := []Node{{Name: i.Leader, Leads: true}}
	for _, p := range i.Peers {
		nodes = append(nodes, Node{Name: p.Name, Missing: p.Offline, Lag: p.Lag})
	}
	slices.SortFunc(nodes, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	return nodes
}

func serversOf(now fold.State) (servers []Server) {
	for _, name := range slices.Sorted(maps.Keys(now.Servers)) {
		is := now.Servers[name]
		servers = append(servers, Server{name, is.Durable, now.Position - min(is.Durable, now.Position), is.Differs})
	}
	return servers
}
