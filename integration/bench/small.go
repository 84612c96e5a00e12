package main

import (
	"context"
	"fmt"
)

const smallSize = 1 << 10

// shape is a way in which messages are sent, and what share of the floor's rate
// that must reach.
type shape struct {
	senders, inFlight int
	required          limit
}

func (s shape) String() string {
	return fmt.Sprintf("%d senders, %d in flight each", s.senders, s.inFlight)
}

func runSmall(ctx context.Context, b *bench) error {
	return b.compareShapes(ctx, "small", smallShapes)
}

var smallShapes = []shape{{64, 1, atLeast(0.45)}, {64, 16, atLeast(0.8)}, {1, 256, atLeast(0.7)}}

// eachShape has each of shapes measured.
func eachShape(shapes []shape, measure func(shape) error) error {
	for _, s := range shapes {
		if err := measure(s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// compareShapes measures each shape against the floors, round by round.
func (b *bench) compareShapes(ctx context.Context, name string, shapes []shape) error {
	return eachShape(shapes, func(s shape) error { return b.compareShape(ctx, name, s) })
}

// trio is one round: Sealpost and the two floors.
type trio struct {
	sealpost, all, batches run
	memory                 memory
}

// floor is the faster of the two.
func (t trio) floor() float64 { return max(t.all.rate(), t.batches.rate()) }

func (t trio) ratio() float64 { return t.sealpost.rate() / t.floor() }

func (b *bench) compareShape(ctx context.Context, name string, s shape) error {
	title := fmt.Sprintf("%s: %d messages of %d bytes, %s; disk: writes/merges/flushes", name, b.messages, smallSize, s)
	table := newTable(title, "round", "sealpost msg/s", "floor, one flush", "floor, batches", "ratio",
		"p50 ms", "p99 ms", "server CPU s", "load CPU s", "server peak MiB", "disk", "disk, one flush", "disk, batches")
	var ours, floors []float64
	var pairs ratios
	for round := range b.rounds {
		t, err := b.trio(ctx, name, round, s)
		if err != nil {
			return err
		}
		ours, floors, pairs = append(ours, t.sealpost.rate()), append(floors, t.floor()), append(pairs, t.ratio())
		latencies := t.sealpost.Latencies
		table.row(round+1, t.sealpost.rate(), t.all.rate(), t.batches.rate(), t.ratio(),
			milliseconds(median(latencies)), milliseconds(percentile(latencies, 0.99)),
			t.sealpost.serverCPU, t.sealpost.CPU, mebibytes(t.memory.peak), t.sealpost.disk, t.all.disk, t.batches.disk)
	}
	table.print(b.out)
	b.summary.add(figure{
		name: fmt.Sprintf("%s: %s", name, s), unit: "msg/s",
		ours: median(ours), floor: median(floors), ratios: pairs, required: s.required,
	})
	return nil
}

// trio runs one round. Each round begins with another of the three, so that
// none always follows the same.
func (b *bench) trio(ctx context.Context, name string, round int, s shape) (t trio, err error) {
	file := logFile(content(smallSize))
	// Four KiB a file, and about as much for everything else.
	if err := b.disk.room(3 * uint64(b.messages) * 8 << 10); err != nil {
		return t, err
	}
	steps := []func() error{
		func() (err error) {
			o := order{Messages: b.messages, Senders: s.senders, InFlight: s.inFlight, Size: smallSize}
			t.sealpost, t.memory, err = b.once(ctx, name, o)
			return err
		},
		func() (err error) {
			t.all, err = b.floorRun(ctx, name+"-one-flush", allThenSync, b.messages, file)
			return err
		},
		func() (err error) {
			t.batches, err = b.floorRun(ctx, name+"-batches", batches, b.messages, file)
			return err
		},
	}
	for i := range steps {
		if err := steps[(round+i)%len(steps)](); err != nil {
			return t, err
		}
	}
	return t, nil
}
