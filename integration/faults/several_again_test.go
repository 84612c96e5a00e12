package faults

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"sealpost/services/server/stream/natstest"
)

// boundAgain is far above what is promised, which is measured: a slow machine fails no test.
const boundAgain = time.Minute

// severalAgain kills each server and each node in turn, also the one that leads the
// log, and measures how long each sender waits for the receipt of a message that it sends
// right then. Nobody does anything about it.
func severalAgain(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, natstest.Options{})
	f, load := s.underLoad(defaultStall, 2)
	var worst time.Duration
	kills := 0
	for range rounds(1, 4) {
		for i := range 2 * len(s.servers) {
			s.readyNodes()
			s.ready()
			f.await(10)
			kill, back := s.killing(i)
			kill()
			took := f.again()
			t.Logf("kill %d: %.1f s", i, took.Seconds())
			worst, kills = max(worst, took), kills+1
			back()
		}
	}
	load.finish()
	s.readyNodes()
	s.settle(f, fmt.Sprintf("42 several: receipts again after a kill, at worst of %d in %.1f s", kills, worst.Seconds()))
}

// killing kills a server, or a node: by its number one, and the one that leads.
func (s *several) killing(i int) (kill, back func()) {
	if i < len(s.servers) {
		return s.servers[i].kill, s.servers[i].start
	}
	n := s.nodes.Leader(s.log)
	if i > len(s.servers) {
		n = s.nodes.Nodes[i%len(s.nodes.Nodes)]
	}
	return n.Kill, n.Start
}

// again sends a message from each sender, and measures how long the last one waits.
func (f *fleet) again() time.Duration {
	f.t.Helper()
	begun := time.Now()
	ctx, cancel := context.WithTimeout(f.t.Context(), boundAgain)
	defer cancel()
	var wg sync.WaitGroup
	for range f.senders {
		p := f.next()
		wg.Go(func() {
			err := f.deliver(ctx, p)
			if ctx.Err() != nil && err != nil {
				err = errors.Join(fmt.Errorf("no receipt within %v", boundAgain), err)
			}
			if err != nil {
				f.t.Error(err)
			}
		})
	}
	wg.Wait()
	return time.Since(begun)
}
