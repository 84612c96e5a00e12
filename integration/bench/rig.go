package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/prometheus/procfs"
)

// rig is a server and the load on it, both of one tree.
type rig struct {
	*server
	load *loadProcess
	disk disk
}

// measure is what is done with a rig.
type measure func(*rig) (values, error)

// withRig starts a server of t on v and a load with its connections up, has work
// measure them, and ends both. Then the server must have stored what was
// receipted.
func (b *bench) withRig(
	ctx context.Context, t *tree, v *volumes, connections int, work measure, extra ...string,
) (values, error) {
	s, err := t.startServer(ctx, v, extra...)
	if err != nil {
		return nil, err
	}
	load, err := t.startLoad(ctx, s.address, connections)
	if err != nil {
		return nil, errors.Join(err, s.end())
	}
	got, err := work(&rig{server: s, load: load, disk: b.disk})
	if err := errors.Join(err, load.end(), s.end()); err != nil {
		return nil, err
	}
	return got, v.check()
}

// treeSides has each tree measured in a rig of its own, on fresh volumes.
func (b *bench) treeSides(connections int, work measure, extra ...string) []side {
	var sides []side
	for _, t := range b.trees {
		sides = append(sides, side{t.name, func(ctx context.Context) (values, error) {
			v, err := b.volumes(t)
			if err != nil {
				return nil, err
			}
			return b.withRig(ctx, t, v, connections, work, extra...)
		}})
	}
	return sides
}

// sending has each tree carry out o, after a few messages that are not measured.
func (b *bench) sending(o order, extra ...string) []side {
	return b.treeSides(o.Senders, func(r *rig) (values, error) {
		if _, err := r.send(aloneOrder); err != nil {
			return nil, err
		}
		got, err := r.send(o)
		if err != nil {
			return nil, err
		}
		used, err := r.memory()
		got[peakMemory] = used[peakMemory]
		return got, err
	}, extra...)
}

// send has the load carry out o, and measures what that costs.
func (r *rig) send(o order) (values, error) {
	before, err := r.counters()
	if err != nil {
		return nil, err
	}
	result, err := r.load.ask(o)
	if err != nil {
		return nil, err
	}
	r.stored += o.Messages
	after, err := r.counters()
	return result.addTo(after.since(before, o.Messages), o.Messages), err
}

// counters returns what disk and processors have done so far: processor time in
// us, to 10 ms.
func (r *rig) counters() (values, error) {
	v := r.disk.counters()
	for column, p := range map[string]procfs.Proc{serverTime: r.proc, loadTime: r.load.proc} {
		stat, err := p.Stat()
		if err != nil {
			return nil, err
		}
		v[column] = stat.CPUTime() * 1e6
	}
	v[bothTimes] = v[serverTime] + v[loadTime]
	return v, nil
}

// memory returns the server's.
func (r *rig) memory() (values, error) {
	status, err := r.proc.NewStatus()
	got := make(values)
	for column, n := range map[string]uint64{memory: status.VmRSS, peakMemory: status.VmHWM, ownMemory: status.RssAnon} {
		got[column] = float64(n) / (1 << 20)
	}
	return got, err
}

// loadProcess is the load, seen from the first process.
type loadProcess struct {
	cmd      *exec.Cmd
	proc     procfs.Proc
	orders   io.WriteCloser
	outcomes *json.Decoder
}

// startLoad returns when the connections to the server are up.
func (t *tree) startLoad(ctx context.Context, server string, connections int) (*loadProcess, error) {
	p := &loadProcess{cmd: exec.CommandContext(ctx, t.in("bench"))}
	p.cmd.Env, p.cmd.Stderr = append(os.Environ(), asLoad), os.Stderr
	in, noIn := p.cmd.StdinPipe()
	out, noOut := p.cmd.StdoutPipe()
	p.orders, p.outcomes = in, json.NewDecoder(out)
	err := errors.Join(noIn, noOut, p.cmd.Start())
	if err != nil {
		return nil, err
	}
	if p.proc, err = procfs.NewProc(p.cmd.Process.Pid); err == nil {
		_, err = p.ask(order{Server: server, Access: t.access, Connections: connections})
	}
	if err != nil {
		return nil, errors.Join(err, p.end())
	}
	return p, nil
}

// ask has the load carry out o. A load that cannot says why on standard error and
// exits with an error.
func (p *loadProcess) ask(o order) (outcome, error) {
	var result outcome
	err := errors.Join(json.NewEncoder(p.orders).Encode(o), p.outcomes.Decode(&result))
	return result, err
}

// end lets the load finish and waits for it.
func (p *loadProcess) end() error {
	if err := errors.Join(p.orders.Close(), p.cmd.Wait()); err != nil {
		return fmt.Errorf("the load: %w", err)
	}
	return nil
}
