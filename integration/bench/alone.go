package main

import (
	"context"
	"fmt"
	"time"
)

// blockSize is the number of messages after which the other side is measured.
const blockSize = 25

// runAlone sends one message after the other on one connection, in turn with a
// loop that writes, flushes and renames the same bytes.
func runAlone(ctx context.Context, b *bench) error {
	r, err := b.rig(ctx, "alone", 1)
	if err != nil {
		return err
	}
	dir, err := b.fresh("alone-floor")
	if err != nil {
		return r.abandon(err)
	}
	if _, err := r.send(aloneOrder); err != nil { // warm
		return r.abandon(err)
	}
	result, err := b.aloneBlocks(ctx, r, dir)
	if err != nil {
		return r.abandon(err)
	}
	if err := r.finish(); err != nil {
		return err
	}
	b.reportAlone(result)
	return nil
}

var aloneOrder = order{Messages: blockSize, Senders: 1, InFlight: 1, Size: smallSize}

// aloneTimes are those of every message and file, and the ratio of each block's
// medians.
type aloneTimes struct {
	sealpost, plain []time.Duration
	blocks          ratios
}

func (b *bench) aloneBlocks(ctx context.Context, r *rig, dir string) (times aloneTimes, err error) {
	file := logFile(content(smallSize))
	for block := range b.blocks {
		plain, err := oneAtATime(ctx, dir, block*blockSize, blockSize, file)
		if err != nil {
			return times, err
		}
		result, err := r.send(aloneOrder)
		if err != nil {
			return times, err
		}
		times.plain = append(times.plain, plain...)
		times.sealpost = append(times.sealpost, result.Latencies...)
		times.blocks = append(times.blocks, milliseconds(median(result.Latencies))/milliseconds(median(plain)))
	}
	return times, nil
}

func (b *bench) reportAlone(times aloneTimes) {
	table := newTable(fmt.Sprintf("alone: one 1 KiB message at a time on one connection, %d blocks of %d; floor: write, fsync, rename, directory fsync", b.blocks, blockSize),
		"side", "p50 ms", "p90 ms", "p99 ms")
	for _, side := range []struct {
		name  string
		times []time.Duration
	}{{"sealpost", times.sealpost}, {"floor", times.plain}} {
		table.row(side.name, milliseconds(median(side.times)), milliseconds(percentile(side.times, 0.9)), milliseconds(percentile(side.times, 0.99)))
	}
	ours, plain := milliseconds(median(times.sealpost)), milliseconds(median(times.plain))
	table.row("ratio of the medians", ours/plain, "", "")
	table.print(b.out)
	b.summary.add(figure{
		name: "alone: median time to the receipt", unit: "ms",
		ours: ours, floor: plain, ratios: times.blocks, overall: ours / plain, required: atMost(2),
	})
}
