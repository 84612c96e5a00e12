package faults

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	serverset "sealpost/services/server/cluster"
	"sealpost/services/server/stream"
	"sealpost/services/server/stream/natstest"
	"sealpost/shared/logfile"
)

// severalNodesDamaged has a node come back without its store, or with a block of entries in
// which one bit was changed, or of which half is gone. The damaged one is made to lead. Nothing
// is read from it that is not there, and it returns empty.
func severalNodesDamaged(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, natstest.Options{})
	s.start()
	s.ready()
	f := s.fleet(stallSeveral)
	s.poll(f, s.servers...)
	load := f.load(8)
	for round := range rounds(1, 6) {
		f.await(60)
		n := s.nodes.Nodes[round%3]
		n.Stop()
		if round%3 == 0 {
			n.Wipe()
			n.Start()
			s.readyNodes()
			continue
		}
		if round%3 == 1 {
			n.Damage(s.log)
		} else {
			n.Truncate(s.log)
		}
		n.Start()
		s.nodes.Lead(s.log, n)
		f.await(30)
		n.Stop()
		n.Wipe()
		n.Start()
		s.readyNodes()
	}
	load.finish()
	s.settle(f, "45 several: a node wiped, or damaged and made to lead")
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
			one.alterLine(random)
			one.start()
			t.Log("the altered volume says: ", one.await(red))
			other := s.servers[2]
			other.stop()
			one.stop()
			emptyVolume(t, one.data)
			copyVolume(t, other.data, one.data)
			other.start()
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
	s.start()
	s.ready()
	f := s.fleet(defaultStall)
	s.poll(f, s.servers...)
	load := f.load(8)
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

// alterLine changes one byte of a line of the manifest.
func (s *server) alterLine(random *rand.Rand) {
	s.t.Helper()
	path := filepath.Join(s.data, "logs", logfile.ManifestName)
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	at := random.IntN(len(lines) - 1)
	lines[at] = []byte(strings.Replace(string(lines[at]), `"sha256":"`, `"sha256":"f`, 1))
	lines[at] = append(lines[at][:len(lines[at])-4], lines[at][len(lines[at])-3:]...)
	if err := os.WriteFile(path, bytes.Join(lines, nil), 0o644); err != nil {
		s.t.Fatal(err)
	}
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
