package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealpost/services/server/stream/natstest"
)

// newLargeMessages has senders of messages that fill the log, which takes 1 GiB.
func newLargeMessages(t *testing.T) (*several, *fleet) {
	t.Helper()
	s := newSeveral(t, natstest.Options{})
	s.start()
	s.ready()
	f := s.fleet(defaultStall)
	f.make = func(from int, seed, n uint64) parcel {
		return parcelOf(from, seed, n, func(seed, n uint64) []byte {
			return append(content(seed, n), bytes.Repeat([]byte{byte(n)}, 4<<20)...)
		})
	}
	return s, f
}

// severalForgotten has one server stay away until the log is nearly full of what it has
// not read: it is forgotten, and the others go on. With a copy of another one's volume it
// comes back.
func severalForgotten(t *testing.T) {
	t.Parallel()
	s, f := newLargeMessages(t)
	s.poll(f, s.servers[:2]...)
	load := f.load(3)
	f.await(20)
	away := s.servers[2]
	away.stop()
	s.fills("a server is forgotten", func(context.Context) (bool, string) {
		return s.logged("a server is forgotten") > 0, "nobody says so"
	})
	s.eventually("the server counts no more", func(context.Context) (bool, string) {
		counted := s.counted()
		return !slices.Contains(counted, serverNames[2]), fmt.Sprint(counted)
	})
	load.finish()
	away.start()
	away.until(func(ctx context.Context) (bool, string) {
		status, reason := away.readyz(ctx)
		return status == red && (strings.Contains(reason, "does not count") || strings.Contains(reason, "copy")), reason
	})
	t.Log(away.await(red))
	away.kill()
	s.servers[0].await(ready) // it was red for as long as the log was full
	s.servers[0].must("cluster", "join", serverNames[2])
	s.putCopy(s.servers[0], away)
	away.start()
	away.await(ready)
	load = f.load(2)
	f.await(20)
	load.finish()
	s.settle(f, "49 several: a server forgotten, and back with a copy")
}

// fills waits for what comes of a log that is nearly full, for as long as the log grows: how long
// that takes is the disk's affair.
func (s *several) fills(what string, done func(context.Context) (is bool, why string)) {
	s.t.Helper()
	const step = 64 << 20
	for is := false; !is; {
		next := s.logBytes() + step
		s.eventually(what, func(ctx context.Context) (_ bool, why string) {
			is, why = done(ctx)
			return is || s.logBytes() >= next, why
		})
	}
}

// logBytes is how much of the log is taken; 0 while no node says so.
func (s *several) logBytes() uint64 {
	info, err := s.nodes.Info(s.log)
	if err != nil {
		return 0
	}
	return info.State.Bytes
}

// counted are the servers that count in the log.
func (s *several) counted() (names []string) {
	s.t.Helper()
	out, complaint, status := s.servers[0].command("cluster", "status", "-json")
	var said struct {
		Servers []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(out), &said); status != 0 || err != nil {
		s.t.Logf("cluster status: %v %s", err, complaint)
		return serverNames // not known now
	}
	for _, one := range said.Servers {
		names = append(names, one.Name)
	}
	return names
}

// severalFullLog has two servers stay away, of which none can be forgotten: the log fills,
// the third one is red with the reason, and goes on once they are back.
func severalFullLog(t *testing.T) {
	t.Parallel()
	s, f := newLargeMessages(t)
	s.poll(f, s.servers...)
	load := f.load(3)
	f.await(20)
	s.servers[1].stop()
	s.servers[2].stop()
	one := s.servers[0]
	s.fills("a server has no room", func(ctx context.Context) (bool, string) {
		status, reason := one.readyz(ctx)
		return status == red && strings.Contains(reason, "percent of the replicated log are taken"), reason
	})
	t.Log(one.await(red))
	s.start()
	s.ready()
	f.await(50)
	load.finish()
	s.settle(f, "49 several: the log full")
}

// severalFullNode fills the disk of one node after the other, also of the one that leads.
func severalFullNode(t *testing.T) {
	t.Parallel()
	s, disks := newSeveralOnDisks(t, "512M")
	f, load := s.underLoad(defaultStall, 4)
	for round := range rounds(1, 6) {
		f.await(20)
		i := round % 3
		disks[i].fill("filler")
		f.await(100)
		disks[i].empty("filler")
		s.nodes.Nodes[i].Stop() // one that was full keeps no streams until it starts again
		s.nodes.Nodes[i].Start()
		s.readyNodes()
		s.ready()
	}
	load.finish()
	s.settle(f, "48 several: a node full")
}

// putCopy puts a copy of the volume of a server that runs in the place of another one's.
func (s *several) putCopy(of, in *server) {
	s.t.Helper()
	dir := filepath.Join(s.t.TempDir(), "copy")
	if _, complaint, status := of.command("copy", dir); status != 0 {
		s.t.Fatalf("copy ends with %d: %s", status, complaint)
	}
	s.must(errors.Join(os.RemoveAll(in.data), copyTree(filepath.Join(dir, "data"), in.data)))
}

// logged is how often servers have said something in their logs.
func (s *several) logged(text string) (n int) {
	s.t.Helper()
	for _, one := range s.servers {
		log, err := os.ReadFile(one.log.Name())
		s.must(err)
		n += bytes.Count(log, []byte(text))
	}
	return n
}

func (s *several) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}
