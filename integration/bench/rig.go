package main

import (
	"context"
	"errors"
	"time"
)

// rig is a server and the load on it.
type rig struct {
	*server
	disk      disk
	load      *child
	receipted int // on the server's volumes, ever
}

// rig starts a server on fresh volumes and a load with its connections up.
func (b *bench) rig(ctx context.Context, name string, connections int, extra ...string) (*rig, error) {
	v, err := b.volumes(name)
	if err != nil {
		return nil, err
	}
	return b.rigOn(ctx, v, 0, connections, extra...)
}

// rigOn does the same on volumes that hold messages already.
func (b *bench) rigOn(ctx context.Context, v volumes, receipted, connections int, extra ...string) (*rig, error) {
	s, err := b.startServer(ctx, v, extra...)
	if err != nil {
		return nil, err
	}
	r := &rig{server: s, disk: b.disk, receipted: receipted}
	config := loadConfig{Server: s.address, Access: b.access, Connections: connections}
	if r.load, err = start(ctx, "load", config, &struct{}{}); err != nil {
		return nil, errors.Join(err, s.kill())
	}
	return r, nil
}

// run is one measured order.
type run struct {
	outcome
	messages  int
	serverCPU time.Duration
	disk      counters
}

func (r run) rate() float64 { return perSecond(r.messages, r.Elapsed) }

// send has the load carry out o, and measures what that costs.
func (r *rig) send(o order) (run, error) {
	before, err := r.cpu()
	if err != nil {
		return run{}, err
	}
	disk := r.disk.counters()
	result := run{messages: o.Messages}
	if err := r.load.order(o, &result.outcome); err != nil {
		return run{}, err
	}
	r.receipted += o.Messages
	result.disk = r.disk.counters().since(disk)
	after, err := r.cpu()
	result.serverCPU = after - before
	return result, err
}

// finish ends both and checks that the server has stored what was receipted.
func (r *rig) finish() error {
	return errors.Join(r.load.end(), r.stop(r.receipted))
}

// abandon ends both after an error.
func (r *rig) abandon(err error) error {
	return errors.Join(err, r.load.end(), r.kill())
}

// once starts a rig, sends o, and ends it again.
func (b *bench) once(ctx context.Context, name string, o order, extra ...string) (run, memory, error) {
	r, err := b.rig(ctx, name, o.Senders, extra...)
	if err != nil {
		return run{}, memory{}, err
	}
	result, err := r.send(o)
	if err != nil {
		return run{}, memory{}, r.abandon(err)
	}
	used, err := r.memory()
	if err != nil {
		return run{}, memory{}, r.abandon(err)
	}
	return result, used, r.finish()
}

// floorRun measures a plain loop in a fresh directory.
func (b *bench) floorRun(ctx context.Context, name string, f floor, n int, file []byte) (run, error) {
	dir, err := b.fresh(name)
	if err != nil {
		return run{}, err
	}
	before := b.disk.counters()
	elapsed, err := f(ctx, dir, n, file)
	return run{outcome: outcome{Elapsed: elapsed}, messages: n, disk: b.disk.counters().since(before)}, err
}
