package main

import (
	"context"
	"fmt"
	"slices"
)

const growthMore = 2000 // messages sent after each start

// growthOrder keeps many connections busy.
func growthOrder(n int) order { return order{Messages: n, Senders: senders, InFlight: 16, Size: 16} }

// runGrowth stores more and more messages in one logbook, of this tree alone:
// its sides are the points, in one round.
func runGrowth(ctx context.Context, b *bench) error {
	v, err := b.volumes(b.trees[0])
	if err != nil {
		return err
	}
	points := slices.DeleteFunc([]int{10_000, 100_000}, func(n int) bool { return n >= b.growth })
	var sides []side
	for _, point := range append(points, b.growth) {
		grow := func(ctx context.Context) (values, error) { return b.growTo(ctx, v, point) }
		sides = append(sides, side{fmt.Sprint(point), grow})
	}
	return b.compare(ctx, comparison{
		name:  "growth",
		about: fmt.Sprintf("a server right after its start with so many messages, and after %d more", growthMore),
		columns: []string{rate, "start ms", memory, ownMemory,
			"later " + memory, "later " + ownMemory, "later " + peakMemory},
		rounds: 1, bytes: smallRoom * uint64(b.growth), sides: sides,
	})
}

// growTo stores messages until there are point, and measures a server that is
// started on them.
func (b *bench) growTo(ctx context.Context, v *volumes, point int) (values, error) {
	b.say("growth: up to %d messages", point)
	// The log line of each message is left out: in memory, where the server's log
	// goes here, a million of them would count as much as all else.
	const quiet = "SERVER_LOG_LEVEL=warn"
	filled, err := b.withRig(ctx, b.trees[0], v, senders, func(r *rig) (values, error) {
		return r.send(growthOrder(max(point-v.stored, 1)))
	}, quiet)
	if err != nil {
		return nil, err
	}
	return b.withRig(ctx, b.trees[0], v, senders, func(r *rig) (values, error) {
		started, err := r.memory()
		if err != nil {
			return nil, err
		}
		if _, err := r.send(growthOrder(growthMore)); err != nil {
			return nil, err
		}
		later, err := r.memory()
		started[rate], started["start ms"] = filled[rate], r.startup.Seconds()*1000
		for column, value := range later {
			started["later "+column] = value
		}
		return started, err
	}, quiet)
}
