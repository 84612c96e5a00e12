package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	serverset "sealpost/services/server/cluster"
	"sealpost/services/server/stream"
	"sealpost/services/server/stream/natstest"
)

// severalNodesDamaged has a node come back without its store, or with a block of entries in
// which one bit was changed, or of which half is gone. The damaged one is made to lead: it is
// said of it what it lacks, another one leads, and nothing is read that is not there. It
// returns empty.
func severalNodesDamaged(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, natstest.Options{})
	f, load := s.underLoad(stallSeveral, 8)
	// A block holds 8 MiB: behind that what is damaged is of the past on all nodes.
	s.eventually("the log has a second block", func(context.Context) (bool, string) {
		bytes := s.logBytes()
		return bytes > 10<<20, fmt.Sprint(bytes, " bytes")
	})
	lacking := 0
	for round := range rounds(1, 6) {
		f.await(20)
		n := s.nodes.Nodes[round%3]
		damage := []func(string){n.Damage, n.Truncate, nil}[round%3]
		if damage != nil && s.damaged(f, n, damage) {
			t.Logf("round %d: %s lacked entries", round, n.Name)
			lacking++
		}
		n.Kill()
		n.Wipe()
		f.await(20)
		n.Start()
		s.readyNodes()
		s.ready()
	}
	if lacking == 0 {
		t.Error("no node lacked entries: the damage hit nothing")
	}
	load.finish()
	s.settle(f, "45 several: a node wiped, or damaged and made to lead")
}

// damaged has a node lead whose entries were damaged, and reports whether it lacked some: that
// is said of it. A node that drops all entries from the damage on gets them from the others
// before it can lead.
func (s *several) damaged(f *fleet, n *natstest.Node, damage func(stream string)) (lacking bool) {
	s.t.Helper()
	n.Stop()
	damage(s.log)
	before := s.saidMissing() // what is said once it is back: it may be elected by itself
	n.Start()
	s.readyNodes()
	s.nodes.Lead(s.log, n)
	s.eventually("a server says that entries are missing", func(context.Context) (bool, string) {
		info, err := s.nodes.Info(s.log)
		// It is said before another node is to lead.
		if lacking = s.saidMissing() > before; lacking {
			return true, ""
		}
		if err != nil {
			return false, err.Error()
		}
		if info.Cluster.Leader != n.Name { // elections are the nodes' own, too
			s.nodes.Lead(s.log, n)
			return false, "another node led"
		}
		whole := info.State.Msgs == info.State.LastSeq+1-info.State.FirstSeq
		return whole, fmt.Sprintf("nobody does, led by %s: %+v", info.Cluster.Leader, info.State)
	})
	f.await(20) // by another one that leads, where this one lacks some
	s.ready()
	return lacking
}

// saidMissing is how often servers have said that who leads lacks entries.
func (s *several) saidMissing() int {
	return s.logged("entries are missing there") + s.logged("the leader lacks an entry of the stream")
}

// severalVolumes has a server's log volume emptied, restored from an earlier moment, or
// altered in one line. The first two come to the rest by themselves; the last one says why it
// does not, and goes on with the volume of another server.
func severalVolumes(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, natstest.Options{})
	s.start()
	s.ready()
	f := s.fleet(defaultStall)
	load := f.load(8)
	earlier := filepath.Join(t.TempDir(), "earlier")
	f.await(60)
	one := s.servers[1]
	one.stop()
	copyVolume(t, one.data, earlier)
	one.start()
	random := rand.New(rand.NewPCG(*seed, 46))
	for round := range rounds(3, 9) {
		f.await(40 + random.IntN(60))
		one.stop()
		switch round % 3 {
		case 0:
			emptyVolume(t, one.data)
		case 1:
			emptyVolume(t, one.data)
			copyVolume(t, earlier, one.data)
		case 2:
			s.alteredLine(f, one, random)
		}
		one.start()
		one.await(ready)
	}
	load.finish()
	s.settle(f, "46 several: a volume emptied, restored, altered in a line")
}

// severalStrays has another client of NATS publish what it likes to the log and to the
// register, copies of what is there too.
func severalStrays(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, natstest.Options{})
	f, load := s.underLoad(defaultStall, 8)
	random := rand.New(rand.NewPCG(*seed, 47))
	for round := range rounds(3, 30) {
		f.await(20)
		for _, name := range []string{s.log, serverset.Register} {
			held, err := s.nodes.JetStream().Stream(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			stray := []byte("stray")
			if info := held.CachedInfo(); round%2 == 1 { // something that is there already
				at := info.State.FirstSeq + random.Uint64N(info.State.Msgs)
				m, err := held.GetMsg(t.Context(), at)
				if err != nil {
					t.Fatal(err)
				}
				stray = m.Data
			}
			if _, err := s.nodes.JetStream().Publish(t.Context(), stream.Subject(name), stray); err != nil {
				t.Fatal(err)
			}
		}
		if round%3 == 0 { // a change of the servers' own comes behind it
			s.servers[round%len(s.servers)].must("sender", "add", fmt.Sprint("store-", round))
		}
	}
	load.finish()
	s.settle(f, "47 several: strays in the log and in the register")
}

// alteredLine alters a line of a server's manifest that its records do not put back: it says
// so, and has a copy of another one's volume in the end.
func (s *several) alteredLine(f *fleet, one *server, random *rand.Rand) {
	s.t.Helper()
	s.putCopy(s.servers[0], one)
	for range 2 { // once all lines are in index and tree, a start reads none of them
		one.start()
		one.await(ready)
		one.stop()
	}
	s.must(editLine(`"sender":"`, "ps")(filepath.Join(one.data, "logs"), random, random.IntN(20)))
	one.start()
	for range 2 {
		one.saysAltered()
		f.await(20)
	}
	one.kill()
	s.putCopy(s.servers[0], one)
}

// saysAltered waits until the server says that its manifest was altered, and what to do.
func (s *server) saysAltered() {
	s.t.Helper()
	s.until(func(ctx context.Context) (bool, string) {
		status, reason := s.readyz(ctx)
		return status == red && strings.Contains(reason, "it was altered\nhint: another server's log volume"), reason
	})
}

func emptyVolume(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"logs", "staging"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func copyVolume(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range []string{"logs", "staging"} {
		if err := os.CopyFS(filepath.Join(to, name), os.DirFS(filepath.Join(from, name))); err != nil {
			t.Fatal(err)
		}
	}
}
