package main

import (
	"context"
	"errors"
	"fmt"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/settings"
)

// maxLargeMemory bounds the server's peak memory while it takes a large message.
const maxLargeMemory = 64 // MiB

// runLarge sends a large message, in turn with the bare program, and then a
// larger one for the server's memory alone.
func runLarge(ctx context.Context, b *bench) error {
	path, err := b.source("large", uint64(b.large))
	if err != nil {
		return err
	}
	if err := b.compareLarge(ctx, path); err != nil {
		return err
	}
	if b.huge == 0 {
		return nil
	}
	return b.measureHuge(ctx)
}

func largeOrder(path string) order {
	return order{Messages: 1, Senders: 1, InFlight: 1, Path: path}
}

// largest lets the server take a message of n bytes.
func largest(n settings.Bytes) []string {
	return []string{"SERVER_MAX_MESSAGE_BYTES=" + n.String(), "SERVER_MAX_STAGED_BYTES=" + (2*n + 1<<30).String()}
}

func (b *bench) compareLarge(ctx context.Context, path string) error {
	if err := b.disk.room(2 * uint64(b.rounds) * uint64(b.large)); err != nil {
		return err
	}
	bare, err := b.startBare(ctx)
	if err != nil {
		return err
	}
	r, err := b.rig(ctx, "large", 1, largest(b.large)...)
	if err != nil {
		return errors.Join(err, bare.end())
	}
	if err := b.largeRounds(r, bare, path); err != nil {
		return errors.Join(r.abandon(err), bare.end())
	}
	return errors.Join(r.finish(), bare.end())
}

func (b *bench) largeRounds(r *rig, bare *bareProgram, path string) error {
	table := newTable(fmt.Sprintf("large: one message of %s; the bare program does the same over TLS, with two processes, and nothing else", b.large),
		"round", "sealpost s", "bare s", "ratio", "server CPU s", "load CPU s", "bare server CPU s", "bare client CPU s", "server peak MiB")
	var ours, floors []float64
	var pairs ratios
	var used memory
	for round := range b.rounds {
		sealpost, plain, err := largePair(r, bare, path, round)
		if err != nil {
			return err
		}
		if used, err = r.memory(); err != nil {
			return err
		}
		ours, floors = append(ours, sealpost.Elapsed.Seconds()), append(floors, plain.Elapsed.Seconds())
		pairs = append(pairs, plain.Elapsed.Seconds()/sealpost.Elapsed.Seconds())
		table.row(round+1, sealpost.Elapsed, plain.Elapsed, pairs[round], sealpost.serverCPU, sealpost.CPU,
			plain.serverCPU, plain.CPU, mebibytes(used.peak))
	}
	table.print(b.out)
	b.summary.add(figure{
		name: "large: one message of " + b.large.String(), unit: "s",
		ours: median(ours), floor: median(floors), ratios: pairs, required: atLeast(0.8),
	})
	b.addLargeMemory(b.large, used)
	return nil
}

// largePair measures both, in turn the one and the other first.
func largePair(r *rig, bare *bareProgram, path string, round int) (sealpost, plain run, err error) {
	steps := []func() error{
		func() (err error) { sealpost, err = r.send(largeOrder(path)); return err },
		func() (err error) { plain, err = bare.send(path); return err },
	}
	for i := range steps {
		if err := steps[(round+i)%len(steps)](); err != nil {
			return run{}, run{}, err
		}
	}
	return sealpost, plain, nil
}

func (b *bench) addLargeMemory(n settings.Bytes, used memory) {
	b.summary.add(figure{
		name: fmt.Sprintf("large: server's peak memory with %s", n), unit: "MiB",
		ours: mebibytes(used.peak), required: atMost(maxLargeMemory),
	})
}

func (b *bench) measureHuge(ctx context.Context) error {
	b.say("large: one message of %s", b.huge)
	path, err := b.source("huge", uint64(b.huge))
	if err != nil {
		return err
	}
	if err := b.disk.room(uint64(b.huge)); err != nil {
		return err
	}
	result, used, err := b.once(ctx, "huge", largeOrder(path), largest(b.huge)...)
	if err != nil {
		return err
	}
	table := newTable("large: one message of "+b.huge.String(), "sealpost s", "MB/s", "server CPU s", "load CPU s", "server peak MiB")
	table.row(result.Elapsed, float64(b.huge)/1e6/result.Elapsed.Seconds(), result.serverCPU, result.CPU, mebibytes(used.peak))
	table.print(b.out)
	b.addLargeMemory(b.huge, used)
	return nil
}

// bareProgram is the two processes of the bare program.
type bareProgram struct{ server, client *child }

func (b *bench) startBare(ctx context.Context) (*bareProgram, error) {
	dir, err := b.fresh("bare")
	if err != nil {
		return nil, err
	}
	id, err := identity.Generate()
	if err != nil {
		return nil, err
	}
	var p bareProgram
	var listening bareAddress
	if p.server, err = start(ctx, "bare-server", bareServerConfig{string(id.PEM()), dir}, &listening); err != nil {
		return nil, err
	}
	if p.client, err = start(ctx, "bare-client", bareClientConfig{listening.Address, id.String()}, &struct{}{}); err != nil {
		return nil, errors.Join(err, p.server.cmd.Process.Kill(), p.server.end())
	}
	return &p, nil
}

// send has the bare client send a file, and measures what that costs.
func (p *bareProgram) send(path string) (result run, err error) {
	server, err := p.server.cpu()
	if err != nil {
		return run{}, err
	}
	client, err := p.client.cpu()
	if err != nil {
		return run{}, err
	}
	if err := p.client.order(bareOrder{path}, &result.outcome); err != nil {
		return run{}, err
	}
	result.messages = 1
	if result.serverCPU, err = p.server.cpu(); err != nil {
		return run{}, err
	}
	if result.CPU, err = p.client.cpu(); err != nil {
		return run{}, err
	}
	result.serverCPU -= server
	result.CPU -= client
	return result, nil
}

// end ends the client, and with its connection the server.
func (p *bareProgram) end() error {
	return errors.Join(p.client.end(), p.server.end())
}
