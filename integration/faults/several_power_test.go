package faults

import (
	"math/rand/v2"
	"testing"

	"sealpost/services/server/stream/natstest"
)

// severalPowerCuts cuts the power of the disks of nodes of the replicated log under
// load: of one, of all at once. What they acknowledged is there when they are back.
func severalPowerCuts(t *testing.T) {
	t.Parallel()
	for i, test := range []struct {
		name string
		cut  int // nodes, drawn anew in each round
	}{{"one node", 1}, {"all nodes", 3}} {
		t.Run(test.name, func(t *testing.T) {
			s, disks := newSeveralOnDisks(t, "512M")
			f, load := s.underLoad(defaultStall, 8)
			random := rand.New(rand.NewPCG(*seed, 410+uint64(i)))
			for range rounds(1, 12) {
				f.await(5 + random.IntN(150))
				s.cutPower(disks, random.Perm(len(disks))[:test.cut])
			}
			load.finish()
			s.readyNodes()
			s.settle(f, "41 several: power cut: "+test.name)
		})
	}
}

// newSeveralOnDisks has nodes on a file system each.
func newSeveralOnDisks(t *testing.T, size string) (*several, []*disk) {
	t.Helper()
	var disks []*disk
	var dirs []string
	for range serverNames {
		// ext4's own commit every five seconds would hide a missing flush.
		d := newDisk(t, "ext4", size, "commit=600")
		disks, dirs = append(disks, d), append(dirs, d.dir)
	}
	return newSeveral(t, natstest.Options{Dirs: dirs}), disks
}

// cutPower cuts that of some nodes at one moment, and has them come back.
func (s *several) cutPower(disks []*disk, which []int) {
	s.t.Helper()
	for _, i := range which {
		s.nodes.Nodes[i].Pause()
	}
	for _, i := range which {
		disks[i].cut()
	}
	for _, i := range which {
		s.nodes.Nodes[i].Kill()
	}
	for _, i := range which {
		disks[i].remount()
	}
	for _, i := range which {
		s.nodes.Nodes[i].Start()
	}
}
