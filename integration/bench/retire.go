package main

import (
	"context"
	"fmt"
	"path/filepath"

	"sealpost/shared/logfile"
)

// retireRun is one volume, filled once, of which each round retires as many messages.
type retireRun struct {
	b     *bench
	v     *volumes
	share int // messages retired in a round
	next  int // the first that is not retired
	sent  int // messages that the last round sent while files went
}

// runRetire measures receipts of one sender while log files are removed, in turn with
// the same server that has nothing to remove.
func runRetire(ctx context.Context, b *bench) error {
	const still = "nothing to retire"
	share := max(b.retire/b.rounds, 1)
	v, err := b.filledVolumes(ctx, share*b.rounds)
	if err != nil {
		return err
	}
	r := &retireRun{b: b, v: v, share: share, sent: aloneOrder.Messages}
	return b.compare(ctx, comparison{
		name: "retire",
		about: fmt.Sprintf("1 KiB, one at a time, while server retire FIRST-LAST removes %d of %d files; "+
			"beside as many with nothing to retire", share, share*b.rounds),
		columns: []string{middle, slow, "sent", "retired", "seconds"},
		rounds:  b.rounds, bytes: smallRoom * uint64(share),
		sides:   []side{{ours, r.retiring}, {still, r.still}},
		demands: []demand{{middle, still, limit{most: 1.5}}, {slow, still, limit{most: 1.5}}},
	})
}

// retiring has a command retire the next messages, and sends until it has ended. The
// order is taken within a quarter of a second, which is part of the time.
func (r *retireRun) retiring(ctx context.Context) (values, error) {
	first, last := r.next, r.next+r.share-1
	r.next += r.share
	return r.b.withRig(ctx, r.b.trees[0], r.v, 1, func(g *rig) (values, error) {
		cmd := r.b.trees[0].command(ctx, g.cmd.Env, "retire", fmt.Sprintf("%d-%d", first, last))
		ended := make(chan error, 1)
		go func() {
			_, err := output(cmd)
			ended <- err
		}()
		var all outcome
		for {
			select {
			case err := <-ended:
				r.sent = len(all.Latencies)
				if err == nil {
					err = r.gone(first, last)
				}
				return r.values(all, r.share), err
			default:
			}
			if err := g.sendOn(aloneOrder, &all); err != nil {
				return nil, err
			}
		}
	})
}

// still sends as many messages as the round before.
func (r *retireRun) still(ctx context.Context) (values, error) {
	return r.b.withRig(ctx, r.b.trees[0], r.v, 1, func(g *rig) (values, error) {
		var all outcome
		for len(all.Latencies) < r.sent {
			if err := g.sendOn(aloneOrder, &all); err != nil {
				return nil, err
			}
		}
		return r.values(all, 0), nil
	})
}

func (r *retireRun) values(o outcome, retired int) values {
	got := o.addTo(make(values), len(o.Latencies))
	got["sent"], got["retired"], got["seconds"] = float64(len(o.Latencies)), float64(retired), o.Elapsed.Seconds()
	return got
}

// sendOn has the load carry out o, and adds what comes of it to all.
func (r *rig) sendOn(o order, all *outcome) error {
	result, err := r.load.ask(o)
	if err != nil {
		return err
	}
	r.stored += o.Messages
	all.Latencies = append(all.Latencies, result.Latencies...)
	all.Elapsed += result.Elapsed
	return nil
}

// gone is an error unless the files of all messages from first to last were removed,
// and the one behind them is there.
func (r *retireRun) gone(first, last int) error {
	left, err := filepath.Glob(filepath.Join(r.v.data, "logs", "*"+filepath.Ext(logfile.FileName(0))))
	if err != nil {
		return err
	}
	there := make(map[string]bool, len(left))
	for _, path := range left {
		there[filepath.Base(path)] = true
	}
	for seq := first; seq <= last; seq++ {
		if there[logfile.FileName(uint64(seq))] {
			return fmt.Errorf("message %d was to be retired, and its file is there", seq)
		}
	}
	if !there[logfile.FileName(uint64(last+1))] {
		return fmt.Errorf("message %d was not to be retired, and its file is gone", last+1)
	}
	return nil
}
