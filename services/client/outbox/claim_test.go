package outbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sealpost/services/client/outbox/group"
	"sealpost/shared/message"
)

// claimOf has a client claim names of which the first has gone meanwhile, and returns
// what it has taken of them.
func claimOf(t *testing.T, b bench, names []string) (taken int, left bool) {
	t.Helper()
	o, err := start(b.config())
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	c := &claiming{run: o, send: func(g *group.Group) {
		taken += g.Len()
		g.Release()
		<-o.groups
	}}
	left = c.claim(t.Context(), names)
	c.begin()
	return taken, left
}

func namesOf(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("message %03d", i))
	}
	return names
}

// Where another client has taken the first file of some it takes the others, too.
func TestStrideIsLeftToWhoBeganIt(t *testing.T) {
	b := newBench(t)
	names := namesOf(2*stride + 1)
	for _, name := range names[1 : 2*stride] {
		b.put(map[string]string{name: "x"})
	}
	if taken, left := claimOf(t, b, names); taken != stride || !left {
		t.Errorf("%d taken, left to another client: %v; want the second stride, and true", taken, left)
	}
	if _, err := os.Stat(filepath.Join(b.dir, names[1])); err != nil {
		t.Error(err)
	}
}

// Where nothing was left but what is gone nobody looks again at once.
func TestLastFileOfAStrideLeavesNothing(t *testing.T) {
	b := newBench(t)
	names := namesOf(stride)
	for _, name := range names[:stride-1] {
		b.put(map[string]string{name: "x"})
	}
	if taken, left := claimOf(t, b, names); taken != stride-1 || left {
		t.Errorf("%d taken, left to another client: %v; want %d and false", taken, left, stride-1)
	}
}

// A directory is read in parts, and a group is filled from several of them.
func TestGroupIsFilledFromSeveralParts(t *testing.T) {
	b := newBench(t)
	b.put(manyFiles(2*part + 1))
	cfg := b.config()
	cfg.most = part
	groups := 0
	cfg.step = func(name string) {
		if name == "made" {
			groups++
		}
	}
	if out := b.run(cfg); out.Sent != 2*part+1 || groups != 2 {
		t.Errorf("%d sent in %d groups, want %d in 2", out.Sent, groups, 2*part+1)
	}
}

// A client that holds as many groups as it may does not wait for one more with a
// group in hand that nobody sends.
func TestGroupInHandGoesBeforeATakeover(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"message": "x"})
	cfg := b.config()
	cfg.Yield = time.Hour // one group at most
	o, err := start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // else it would wait for ever
	defer cancel()
	sent := 0
	c := &claiming{run: o, send: func(g *group.Group) {
		sent += g.Len()
		g.Release()
		<-o.groups
	}}
	o.handOut(ctx, ctx, work{names: []string{"message"}}, c)
	o.handOut(ctx, ctx, work{groups: []message.ID{message.NewID()}}, c)
	if sent != 1 || ctx.Err() != nil {
		t.Errorf("%d sent, %v", sent, ctx.Err())
	}
}
