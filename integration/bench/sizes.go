package main

import (
	"context"
	"fmt"
	"time"
)

// combination is one size from one number of senders, each with one message in
// flight. The numbers of messages bound what the whole case writes to about
// 2 GiB a round and side.
type combination struct {
	label                   string
	size, senders, messages int
}

var combinations = []combination{
	{"1 KiB", 1 << 10, 1, 256},
	{"1 KiB", 1 << 10, 8, 1024},
	{"1 KiB", 1 << 10, 64, 4096},
	{"64 KiB", 64 << 10, 1, 128},
	{"64 KiB", 64 << 10, 8, 512},
	{"64 KiB", 64 << 10, 64, 2048},
	{"16 MiB", 16 << 20, 1, 8},
	{"16 MiB", 16 << 20, 8, 32},
	{"16 MiB", 16 << 20, 64, 64},
}

func (c combination) bytes() uint64 { return uint64(c.size) * uint64(c.messages) }

func (c combination) megabytes(rate float64) float64 { return rate * float64(c.size) / 1e6 }

func runSizes(ctx context.Context, b *bench) error {
	table := newTable(fmt.Sprintf("sizes: one message in flight from each sender; medians of %d rounds, latencies of all; floor: as many files, one flush", b.sizeRounds),
		"size", "senders", "messages", "msg/s", "MB/s", "p50 ms", "p99 ms", "floor msg/s", "floor MB/s", "ratio", "server CPU s", "load CPU s", "server peak MiB")
	for _, c := range combinations {
		if err := b.combination(ctx, c, table); err != nil {
			return fmt.Errorf("%s from %d: %w", c.label, c.senders, err)
		}
	}
	table.print(b.out)
	return nil
}

func (b *bench) combination(ctx context.Context, c combination, table *table) error {
	var all []run
	var ours, floors []float64
	var pairs ratios
	var peak uint64
	for round := range b.sizeRounds {
		sealpost, plain, used, err := b.sizesPair(ctx, c, round)
		if err != nil {
			return err
		}
		all = append(all, sealpost)
		ours, floors = append(ours, sealpost.rate()), append(floors, plain.rate())
		pairs = append(pairs, sealpost.rate()/plain.rate())
		peak = max(peak, used.peak)
	}
	rate, floorRate := median(ours), median(floors)
	total, rounds := sum(all), time.Duration(b.sizeRounds)
	table.row(c.label, c.senders, c.messages, rate, c.megabytes(rate),
		milliseconds(percentile(total.Latencies, 0.5)), milliseconds(percentile(total.Latencies, 0.99)),
		floorRate, c.megabytes(floorRate), pairs.median(),
		total.serverCPU/rounds, total.CPU/rounds, mebibytes(peak))
	b.summary.add(figure{
		name: fmt.Sprintf("sizes: %s from %d", c.label, c.senders), unit: "msg/s",
		ours: rate, floor: floorRate, ratios: pairs, required: asMeasured,
	})
	return nil
}

// sizesPair measures Sealpost and the floor, in turn the one and the other first.
func (b *bench) sizesPair(ctx context.Context, c combination, round int) (sealpost, plain run, used memory, err error) {
	if err := b.disk.room(2 * (c.bytes() + 8<<10*uint64(c.messages))); err != nil {
		return run{}, run{}, memory{}, err
	}
	steps := []func() error{
		func() (err error) {
			sealpost, used, err = b.once(ctx, "sizes", order{Messages: c.messages, Senders: c.senders, InFlight: 1, Size: c.size})
			return err
		},
		func() (err error) {
			plain, err = b.floorRun(ctx, "sizes-floor", allThenSync, c.messages, logFile(content(c.size)))
			return err
		},
	}
	for i := range steps {
		if err := steps[(round+i)%len(steps)](); err != nil {
			return run{}, run{}, memory{}, err
		}
	}
	return sealpost, plain, used, nil
}

// sum adds up what several runs took.
func sum(runs []run) run {
	var total run
	for _, r := range runs {
		total.Latencies = append(total.Latencies, r.Latencies...)
		total.CPU += r.CPU
		total.serverCPU += r.serverCPU
		total.messages += r.messages
	}
	return total
}
