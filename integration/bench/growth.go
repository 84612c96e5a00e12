package main

import (
	"context"
	"fmt"
	"slices"
)

const (
	tinySize   = 16
	growthMore = 2000 // messages sent after each start
)

// growthLoad keeps many connections busy.
var growthLoad = order{Senders: senders, InFlight: 16, Size: tinySize}

// growthPoints are the numbers of stored messages at which the server is
// started afresh.
func growthPoints(last int) []int {
	points := slices.DeleteFunc([]int{10_000, 100_000}, func(n int) bool { return n >= last })
	return append(points, last)
}

// runGrowth stores more and more messages in one logbook.
func runGrowth(ctx context.Context, b *bench) error {
	if err := b.disk.room(uint64(b.growth) * 8 << 10); err != nil {
		return err
	}
	v, err := b.volumes("growth")
	if err != nil {
		return err
	}
	table := newTable(fmt.Sprintf("growth: memory of the server right after its start and after %d messages more", growthMore),
		"stored", "msg/s up to there", "start-up ms", "MiB", "own MiB", "MiB after", "peak MiB after", "own MiB after")
	stored := 0
	for _, point := range growthPoints(b.growth) {
		if stored, err = b.growTo(ctx, v, stored, point, table); err != nil {
			return err
		}
	}
	table.print(b.out)
	return nil
}

// growTo stores messages until there are point, starts the server afresh,
// measures it, and returns how many are stored then.
func (b *bench) growTo(ctx context.Context, v volumes, stored, point int, table *table) (int, error) {
	b.say("growth: up to %d messages", point)
	rate, err := b.fill(ctx, v, stored, point)
	if err != nil {
		return stored, err
	}
	stored = max(stored, point)
	fresh, err := b.growthRig(ctx, v, stored)
	if err != nil {
		return stored, err
	}
	if err := b.measureGrowth(fresh, stored, rate, table); err != nil {
		return stored, fresh.abandon(err)
	}
	return fresh.receipted, fresh.finish()
}

// fill stores messages until there are point, and returns how many a second.
func (b *bench) fill(ctx context.Context, v volumes, stored, point int) (rate float64, err error) {
	if stored >= point {
		return 0, nil
	}
	r, err := b.growthRig(ctx, v, stored)
	if err != nil {
		return 0, err
	}
	o := growthLoad
	o.Messages = point - stored
	filled, err := r.send(o)
	if err != nil {
		return 0, r.abandon(err)
	}
	return filled.rate(), r.finish()
}

// growthRig leaves out the log line of each message: in memory, where the
// server's log goes here, a million of them would count as much as all else.
func (b *bench) growthRig(ctx context.Context, v volumes, stored int) (*rig, error) {
	return b.rigOn(ctx, v, stored, growthLoad.Senders, "SERVER_LOG_LEVEL=warn")
}

func (b *bench) measureGrowth(r *rig, stored int, rate float64, table *table) error {
	first, err := r.memory()
	if err != nil {
		return err
	}
	o := growthLoad
	o.Messages = growthMore
	if _, err := r.send(o); err != nil {
		return err
	}
	later, err := r.memory()
	if err != nil {
		return err
	}
	table.row(stored, rate, milliseconds(r.startup), mebibytes(first.now), mebibytes(first.own), mebibytes(later.now), mebibytes(later.peak), mebibytes(later.own))
	b.summary.add(figure{name: fmt.Sprintf("growth: start-up with %d stored", stored), unit: "s", ours: r.startup.Seconds(), required: asMeasured})
	b.summary.add(figure{name: fmt.Sprintf("growth: server memory with %d stored, peak", stored), unit: "MiB", ours: mebibytes(later.peak), required: asMeasured})
	b.summary.add(figure{name: fmt.Sprintf("growth: of it its own, with %d stored", stored), unit: "MiB", ours: mebibytes(later.own), required: asMeasured})
	return nil
}
