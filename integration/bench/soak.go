package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// soakOrder is what a soak sends again and again: as much as the server takes.
var soakOrder = order{Messages: 4096, Senders: senders, InFlight: 16, Size: smallSize}

// slowFlush is what is added to each flush during a soak.
const slowFlush = 5 * time.Millisecond

// How often the values at the end of a soak are those at its beginning.
const (
	memoryGrowth     = "memory, end/begin"
	descriptorGrowth = "descriptors, end/begin"
	goroutineGrowth  = "goroutines, end/begin"
)

// runSoak keeps a server at full load while all that happens in years happens at once:
// its flushes are slow, peers misbehave, somebody scrapes it each second, its identity is
// replaced, and it retires what it has kept for a tenth of that time. What it holds must
// stay the same.
func runSoak(ctx context.Context, b *bench) error {
	var seen samples
	err := b.compare(ctx, comparison{
		name: "soak",
		about: fmt.Sprintf("%s at full load, flushes slower by %s, misbehaving peers, scrapes, a new identity, retiring",
			b.soak, slowFlush),
		columns: []string{rate, middle, slow, peakMemory, memoryGrowth, descriptorGrowth, goroutineGrowth,
			"misbehaving", "scrapes", "retired"},
		rounds: 1, bytes: uint64(smallRoom * 20_000 * b.soak.Seconds() / 10),
		sides: []side{{ours, func(ctx context.Context) (got values, err error) {
			got, seen, err = b.soakOnce(ctx)
			return got, err
		}}},
		demands: []demand{
			{rate, "", limit{}},
			{middle, "", limit{}},
			{slow, "", limit{}},
			{memoryGrowth, "", limit{most: 1.1}},
			{descriptorGrowth, "", limit{most: 1.1}},
			{goroutineGrowth, "", limit{most: 1.1}},
		},
	})
	if err == nil {
		seen.plot(b.out)
	}
	return err
}

func (b *bench) soakOnce(ctx context.Context) (got values, seen samples, err error) {
	t, err := b.slowed(b.trees[0])
	if err != nil {
		return nil, nil, err
	}
	v, err := b.volumes(t)
	if err != nil {
		return nil, nil, err
	}
	if t.access.Identity, err = b.identities(ctx, v); err != nil {
		return nil, nil, err
	}
	var env []string
	got, err = b.withRig(ctx, t, v, soakOrder.Senders, func(r *rig) (got values, err error) {
		got, seen, err = b.soakRig(ctx, t, r)
		env = r.cmd.Env
		return got, err
	}, fmt.Sprint("SERVER_RETAIN_FOR=", b.soak/10), "SERVER_MAX_CONNECTIONS_PER_ADDRESS=1000", "SERVER_LOG_LEVEL=warn")
	if err != nil {
		return nil, nil, err
	}
	got["retired"], err = verified(b.trees[0].command(ctx, env, "verify"), v.stored)
	return got, seen, err
}

// soakRig loads the server until the time is over, with everything else beside that.
func (b *bench) soakRig(ctx context.Context, t *tree, r *rig) (values, samples, error) {
	// Not a deadline: who dials meets that a moment before the context ends.
	until, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(b.soak, cancel).Stop()
	var seen samples
	bad, err := newPeers(r.address, t.access)
	if err != nil {
		return nil, nil, err
	}
	g, beside := errgroup.WithContext(until)
	g.Go(func() (err error) { seen, err = r.scrape(beside); return err })
	g.Go(func() error { return bad.misbehave(beside) })
	g.Go(func() error { return b.replaceIdentity(beside, r) })
	var all outcome
	err = r.sendUntil(beside, &all)
	cancel()
	if err := errors.Join(err, g.Wait()); err != nil {
		return nil, nil, err
	}
	got := all.addTo(make(values), len(all.Latencies))
	used, err := r.memory()
	got[peakMemory], got["scrapes"] = used[peakMemory], float64(len(seen))
	got["misbehaving"] = float64(bad.count.Load())
	seen.growth(got)
	return got, seen, err
}

// sendUntil sends until ctx ends, and what is under way then to its end.
func (r *rig) sendUntil(ctx context.Context, all *outcome) error {
	for ctx.Err() == nil {
		if err := r.sendOn(soakOrder, all); err != nil {
			return err
		}
	}
	return nil
}

// slowed returns t with a server whose flushes take longer, since strace holds it up
// there. It costs the server nothing anywhere else.
func (b *bench) slowed(t *tree) (*tree, error) {
	if _, err := exec.LookPath("strace"); err != nil {
		return nil, err
	}
	dir, err := b.fresh("slowed")
	if err != nil {
		return nil, err
	}
	const calls = "fsync,fdatasync,syncfs"
	script := fmt.Sprintf("#!/bin/sh\nexec strace -D -f --seccomp-bpf -qq -o /dev/null "+
		"-e trace=%s -e inject=%[1]s:delay_exit=%d %s\n", calls, slowFlush.Microseconds(), t.in("server"))
	for _, name := range []string{"bench", "state"} {
		if err := os.Symlink(t.in(name), filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	slow := *t
	slow.dir = dir
	return &slow, os.WriteFile(slow.in("server"), []byte(script), 0o700)
}

// identities prepares the next identity of a server that is not started yet, and returns
// both pins.
func (b *bench) identities(ctx context.Context, v *volumes) (string, error) {
	out, err := output(b.trees[0].command(ctx, []string{"SERVER_STATE_DIR=" + v.state}, "identity", "next"))
	return setting(out, "CLIENT_SERVER_IDENTITY"), err
}

// replaceIdentity has the server show the next identity after a third of the time, and
// sign by that alone after two.
func (b *bench) replaceIdentity(ctx context.Context, r *rig) error {
	for _, step := range []string{"switch", "retire"} {
		select {
		case <-time.After(b.soak / 3):
		case <-ctx.Done():
			return nil
		}
		if _, err := output(b.trees[0].command(ctx, r.cmd.Env, "identity", step)); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// verified runs server verify, which must find all that was receipted, and returns how
// many of them are retired.
func verified(verify *exec.Cmd, stored int) (retired float64, err error) {
	out, err := output(verify)
	if err != nil {
		return 0, err
	}
	var checked, differ int
	n, err := fmt.Sscanf(out, "%d messages checked, %d differ, %f retired", &checked, &differ, &retired)
	if n == 2 {
		err = nil // none is retired
	}
	if err == nil && (checked != stored || differ != 0) {
		err = fmt.Errorf("%d messages were receipted, and server verify says: %s", stored, out)
	}
	return retired, err
}
