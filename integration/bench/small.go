package main

import (
	"context"
	"fmt"
)

const (
	smallSize = 1 << 10
	// smallRoom is what a small message takes of a disk, with everything that
	// is kept beside it.
	smallRoom = 8 << 10
)

// shape is a way in which messages are sent, and what share of the floor's rate
// that must reach.
type shape struct {
	senders, inFlight int
	required          limit
}

func runSmall(ctx context.Context, b *bench) error {
	return b.compareShapes(ctx, "small",
		shape{64, 1, limit{least: 0.45}}, shape{64, 16, limit{least: 0.8}}, shape{1, 256, limit{least: 0.7}})
}

// compareShapes measures each shape beside a loop that writes as many files and
// flushes once.
func (b *bench) compareShapes(ctx context.Context, name string, shapes ...shape) error {
	for _, s := range shapes {
		o := order{Messages: b.messages, Senders: s.senders, InFlight: s.inFlight, Size: smallSize}
		err := b.compare(ctx, comparison{
			name:    fmt.Sprintf("%s, %d x %d", name, s.senders, s.inFlight),
			about:   fmt.Sprintf("%d messages of 1 KiB from %d senders, %d at a time each", b.messages, s.senders, s.inFlight),
			columns: []string{rate, middle, slow, serverTime, loadTime, bothTimes, peakMemory, writes, flushes},
			rounds:  b.rounds, bytes: smallRoom * uint64(b.messages),
			sides: append(b.sending(o), b.floorSide(b.messages, allThenSync(b.messages))),
			demands: []demand{
				{rate, "floor", s.required},
				{rate, other, limit{least: 0.95}},
				{bothTimes, "", limit{}},
				{bothTimes, other, limit{most: 1.05}},
				{serverTime, other, limit{}},
				{loadTime, other, limit{}},
			},
		})
		if err != nil {
			return err
		}
	}
	return nil
}
