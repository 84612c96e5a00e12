package main

import (
	"context"
	"fmt"
	"time"
)

// settle is how long the connections are left alone before memory is read again.
const settle = 5 * time.Second

// runIdle has many connections log in and then say nothing.
func runIdle(ctx context.Context, b *bench) error {
	if err := needFiles(b.connections); err != nil {
		return err
	}
	limits := fmt.Sprint(b.connections + spareFiles)
	begin := time.Now()
	r, err := b.rig(ctx, "idle", b.connections, "SERVER_MAX_CONNECTIONS="+limits, "SERVER_MAX_CONNECTIONS_PER_ADDRESS="+limits)
	if err != nil {
		return err
	}
	took := time.Since(begin)
	if err := b.measureIdle(ctx, r, took); err != nil {
		return r.abandon(err)
	}
	// They are all alive: each delivers a message.
	if _, err := r.send(order{Messages: b.connections, Senders: b.connections, InFlight: 1, Size: 16}); err != nil {
		return r.abandon(err)
	}
	return r.finish()
}

func (b *bench) measureIdle(ctx context.Context, r *rig, took time.Duration) error {
	open, err := r.metric(ctx, "sealpost_connections")
	if err != nil {
		return err
	}
	if int(open) != b.connections {
		return fmt.Errorf("the server has %v connections, not %d", open, b.connections)
	}
	first, err := r.memory()
	if err != nil {
		return err
	}
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	later, err := r.memory()
	if err != nil {
		return err
	}
	table := newTable(fmt.Sprintf("idle: %d connections, each logged in (that took %.1f s)", b.connections, took.Seconds()),
		"server's memory", "MiB", "KiB a connection")
	each := func(n uint64) float64 { return float64(n) / 1024 / float64(b.connections) }
	table.row("after the last log-in", mebibytes(first.now), each(first.now))
	table.row(fmt.Sprintf("%v later", settle), mebibytes(later.now), each(later.now))
	table.row("peak", mebibytes(later.peak), each(later.peak))
	table.print(b.out)
	name := fmt.Sprintf("idle: server memory at %d connections", b.connections)
	b.summary.add(figure{name: name, unit: "MiB", ours: mebibytes(later.now), required: atMost(400)})
	b.summary.add(figure{name: name + ", peak", unit: "MiB", ours: mebibytes(later.peak), required: atMost(400)})
	return nil
}
