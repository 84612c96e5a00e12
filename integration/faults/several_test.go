package faults

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sealpost/services/client/courier"
	serverset "sealpost/services/server/cluster"
	"sealpost/services/server/stream/natstest"
	"sealpost/shared/logfile"
)

// several are three servers that have a volume each, and one logbook on a replicated log
// whose three nodes are theirs alone. Who sends knows the addresses of all three.
type several struct {
	t       *testing.T
	nodes   *natstest.Cluster
	servers []*server
	log     string // the stream of the replicated log
	polling []func() error
}

var serverNames = []string{"a", "b", "c"}

// TestSeveral has faults befall several servers and their nodes. Most of them take minutes,
// and clusters of their own: they are in the long form alone.
func TestSeveral(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		long bool
		run  func(*testing.T)
	}{
		{"Again", true, severalAgain},
		{"NodesDamaged", true, severalNodesDamaged},
		{"Volumes", true, severalVolumes},
		{"Strays", true, severalStrays},
		{"Held", true, severalHeld},
		{"Killed", false, severalKilled},
		{"PowerCuts", true, severalPowerCuts},
		{"NodeCutOff", true, severalNodeCutOff},
		{"Split", true, severalSplit},
		{"Scattered", true, severalScattered},
		{"SlowNode", true, severalSlowNode},
		{"FullNode", true, severalFullNode},
		{"FullLog", true, severalFullLog},
		{"Forgotten", true, severalForgotten},
		{"Clocks", true, severalClocks},
		{"Older", true, severalOlder},
	} {
		if row.long && !*full {
			continue
		}
		t.Run(row.name, row.run)
	}
}

// newSeveral begins a cluster. Its servers do not run yet; the first one has the state.
func newSeveral(t *testing.T, o natstest.Options) *several {
	t.Helper()
	s := &several{t: t, nodes: natstest.Start(t, o)}
	out, complaint, status := newServer(t).command("cluster", "key")
	if status != 0 {
		t.Fatalf("cluster key: %s", complaint)
	}
	for _, name := range serverNames {
		s.servers = append(s.servers, newServer(t, "SERVER_LOGBOOK=nats",
			"SERVER_NATS_URL="+strings.Join(s.nodes.URLs(), ","),
			"SERVER_NATS_USER=server", "SERVER_NATS_PASSWORD="+natstest.Password,
			"SERVER_CLUSTER_NAME="+name, "SERVER_CLUSTER_KEY="+strings.TrimSpace(out)))
	}
	s.begin()
	return s
}

// begin has the nodes make the streams. For seconds after its start a node may take
// another one for lost, and refuse.
func (s *several) begin() {
	s.t.Helper()
	s.eventually("the cluster begins", func(context.Context) (bool, string) {
		out, complaint, status := s.servers[0].with("SERVER_NATS_USER=admin").
			command(append([]string{"cluster", "init", "-max-bytes", "1GiB"}, serverNames...)...)
		if match := regexp.MustCompile(`logbook ([0-9a-f]{32})`).FindStringSubmatch(out); match != nil {
			s.log = serverset.LogName(match[1])
		}
		return status == 0 && s.log != "", complaint
	})
}

// with is the server with another setting, for commands.
func (s *server) with(setting string) *server {
	other := *s
	other.env = append(append([]string(nil), s.env...), setting)
	return &other
}

// eventually waits for what must come.
func (s *several) eventually(what string, done func(context.Context) (ok bool, why string)) {
	s.t.Helper()
	if err := poll(patient(s.t), nil, done); err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
}

// start starts those that do not run.
func (s *several) start() {
	s.t.Helper()
	for _, one := range s.servers {
		if one.cmd == nil {
			one.start()
		}
	}
}

// ready waits until all are.
func (s *several) ready() {
	s.t.Helper()
	for _, one := range s.servers {
		one.await(ready)
	}
}

// underLoad starts all servers, and so many workers that send to them, and reads all volumes.
func (s *several) underLoad(stall time.Duration, workers int) (*fleet, *load) {
	s.t.Helper()
	s.start()
	s.ready()
	f := s.fleet(stall)
	s.poll(f, s.servers...)
	return f, f.load(workers)
}

// readyNodes waits until all nodes have all.
func (s *several) readyNodes() {
	s.t.Helper()
	s.nodes.AwaitNodes()
	s.nodes.Await(serverset.Register)
	s.nodes.Await(s.log)
}

// fleet has three senders, each of which begins with another server.
func (s *several) fleet(stall time.Duration) *fleet {
	s.t.Helper()
	f := newFleet(s.servers[0], s.servers[0].listen, len(s.servers), stall)
	f.make = newChunkedParcel
	for i, from := range f.senders {
		_ = f.couriers[i].Close()
		f.couriers[i] = s.courier(from, i, stall)
	}
	for range f.senders {
		p := f.next()
		for _, one := range s.servers {
			s.knows(f, one, p)
		}
	}
	return f
}

// knows waits until a server lets the sender of a message in, which was made at another one a
// moment ago.
func (s *several) knows(f *fleet, one *server, p parcel) {
	s.t.Helper()
	s.eventually("a sender is known", func(ctx context.Context) (bool, string) {
		c := f.senders[p.from].courier(one.listen, defaultStall)
		d, err := c.Deliver(ctx, p.Message)
		_ = c.Close()
		if err != nil {
			return false, err.Error()
		}
		f.ledger.Receipt(d.Entry)
		return true, ""
	})
}

// courier knows all servers, the one with number first before the others.
func (s *several) courier(from sender, first int, stall time.Duration) *courier.Courier {
	var addresses []string
	for i := range s.servers {
		addresses = append(addresses, s.servers[(first+i)%len(s.servers)].listen)
	}
	c := from.courier(strings.Join(addresses, ","), stall)
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// newChunkedParcel is now and then of a size that takes more than one entry of the log.
func newChunkedParcel(from int, seed, n uint64) parcel {
	return parcelOf(from, seed, n, func(seed, n uint64) []byte {
		text := content(seed, n)
		if n%64 == 5 {
			text = append(text, bytes.Repeat([]byte{byte(n)}, 1200<<10)...)
		}
		return text
	})
}

// poll reads all volumes, which must have the same.
func (s *several) poll(f *fleet, of ...*server) {
	for _, one := range of {
		s.polling = append(s.polling, f.poll(one.data))
	}
}

// settle ends a run after the load has ended: all servers are ready again, by themselves;
// each gives the facts that were receipted; and all have the same on their volumes.
func (s *several) settle(f *fleet, row string) {
	s.t.Helper()
	s.start()
	s.ready()
	f.sendAll()
	s.settled(f, row)
}

// settled is settle where all has its receipts.
func (s *several) settled(f *fleet, row string) {
	s.t.Helper()
	s.askAll(f)
	s.even(f)
	for _, stop := range s.polling {
		if err := stop(); err != nil {
			s.t.Error(err)
		}
	}
	for _, one := range s.servers {
		f.look(one.data)
	}
	for _, one := range s.servers {
		one.stop()
	}
	s.report(f, row)
}

// report compares all volumes.
func (s *several) report(f *fleet, row string) {
	s.t.Helper()
	var dirs []string
	for _, one := range s.servers {
		dirs = append(dirs, one.data)
	}
	r, err := f.ledger.AuditSame(dirs...)
	if err != nil {
		s.t.Fatal(err)
	}
	results.report(s.t, row, r)
}

// askAll sends some messages again to each server alone: it has their facts.
func (s *several) askAll(f *fleet) {
	s.t.Helper()
	for _, one := range s.servers {
		for i, from := range f.senders {
			if err := f.ask(from.courier(one.listen, defaultStall), i); err != nil {
				s.t.Error(err)
			}
		}
	}
}

// ask sends up to a hundred messages of a sender again, from the first one on, and ends
// with its courier.
func (f *fleet) ask(c *courier.Courier, from int) error {
	defer func() { _ = c.Close() }()
	var own []parcel
	for _, p := range f.parcels {
		if p.from == from {
			own = append(own, p)
		}
	}
	const most = 100
	for i := 0; i < len(own); i += 1 + len(own)/most {
		p := own[i]
		d, err := c.Deliver(patient(f.t), p.Message)
		if err != nil {
			return fmt.Errorf("message %s again: %w", p.ID, err)
		}
		f.ledger.Receipt(d.Entry)
	}
	return nil
}

// even waits until all volumes have as many messages as were receipted.
func (s *several) even(f *fleet) {
	s.t.Helper()
	s.eventually("all servers have all", func(context.Context) (bool, string) {
		var lines []int
		for _, one := range s.servers {
			lines = append(lines, one.lines())
		}
		least := f.ledger.Receipted()
		return lines[0] >= least && lines[0] == lines[1] && lines[0] == lines[2], fmt.Sprint(lines, " of ", least)
	})
}

// lines is how many the manifest has.
func (s *server) lines() int {
	text, err := os.ReadFile(filepath.Join(s.data, "logs", logfile.ManifestName))
	if err != nil {
		return 0 // it has none yet
	}
	return bytes.Count(text, []byte("\n"))
}
