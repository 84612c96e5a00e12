package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"sealpost/integration/mutants/mutate"
)

const engine = "services/server/logbook/local/"

// withoutProofs make a server whose logbook hashes no line, signs once, and
// answers with the manifest line and that signature: a receipt that says the
// same and proves nothing.
var withoutProofs = []mutate.Change{
	{File: engine + "tree.go", Old: "func (t *tree) append(lines [][]byte) error {\n",
		New: "func (t *tree) append(lines [][]byte) error {\n\tif len(lines) > 0 {\n\t\tt.mu.Lock()\n\t\tdefer t.mu.Unlock()\n\t\tt.leaves += uint64(len(lines))\n\t\treturn nil\n\t}\n"},
	{File: engine + "seal.go", Old: "func (l *Logbook) seal() error {\n",
		New: "func (l *Logbook) seal() error {\n\tif s := l.sealed.Load(); s != nil {\n\t\tfresh := *s\n\t\tfresh.Size = l.tree.size()\n\t\tl.sealed.Store(&fresh)\n\t\treturn nil\n\t}\n"},
	{File: engine + "seal.go", Old: "	proof, err := l.tree.prove(s.Size, f.Entry.Seq)\n",
		New: "	if len(f.Line) > 0 {\n\t\treturn append(append([]byte(nil), f.Line...), s.text...), nil\n\t}\n	proof, err := l.tree.prove(s.Size, f.Entry.Seq)\n"},
}

// proofShapes are those of runSmall. Both servers commit in groups as they come.
var proofShapes = []shape{{64, 1, atMost(1.1)}, {64, 16, atMost(1.1)}, {1, 256, atMost(1.1)}}

// runProofs compares the server's processor time with that of one without tree,
// signatures and proofs.
func runProofs(ctx context.Context, b *bench) error {
	plain := *b.workspace
	plain.binary = filepath.Join(b.base, "server-without-proofs")
	if err := buildWithout(ctx, plain.binary, b.base); err != nil {
		return err
	}
	return eachShape(proofShapes, func(s shape) error { return b.compareProofs(ctx, &plain, s) })
}

func (b *bench) compareProofs(ctx context.Context, plain *workspace, s shape) error {
	table := newTable(fmt.Sprintf("proofs: %d messages of %d bytes, %s; disk: writes/merges/flushes", b.messages, smallSize, s),
		"round", "server CPU us each", "without proofs", "ratio", "msg/s", "without proofs", "disk", "without proofs")
	var with, without []float64
	var pairs ratios
	for round := range b.rounds {
		var runs [2]run
		for i := range runs {
			n := (i + round) % len(runs) // each is first in turn
			space := []*workspace{b.workspace, plain}[n]
			var err error
			if runs[n], err = b.sendUnchecked(ctx, space, s); err != nil {
				return err
			}
		}
		w, wo := runs[0].cpuEach(), runs[1].cpuEach()
		with, without, pairs = append(with, w), append(without, wo), append(pairs, w/wo)
		table.row(round+1, w, wo, w/wo, runs[0].rate(), runs[1].rate(), runs[0].disk, runs[1].disk)
	}
	table.print(b.out)
	b.summary.add(figure{
		name: "proofs: server CPU a message, " + s.String(), unit: "us",
		ours: median(with), floor: median(without), ratios: pairs, required: s.required,
	})
	return nil
}

// cpuEach is the server's processor time for one message, in microseconds.
func (r run) cpuEach() float64 {
	return float64(r.serverCPU) / float64(time.Microsecond) / float64(r.messages)
}

func (b *bench) sendUnchecked(ctx context.Context, space *workspace, s shape) (run, error) {
	v, err := b.volumes("proofs")
	if err != nil {
		return run{}, err
	}
	server, err := space.startServer(ctx, v)
	if err != nil {
		return run{}, err
	}
	r := &rig{server: server, disk: b.disk}
	config := loadConfig{Server: server.address, Access: b.access, Connections: s.senders}
	if r.load, err = start(ctx, "unchecked-load", config, &struct{}{}); err != nil {
		return run{}, errors.Join(err, server.kill())
	}
	result, err := r.send(order{Messages: b.messages, Senders: s.senders, InFlight: s.inFlight, Size: smallSize})
	if err != nil {
		return run{}, r.abandon(err)
	}
	return result, r.finish()
}

// buildWithout builds the server with the cuts, in the source's own place.
func buildWithout(ctx context.Context, binary, scratch string) error {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "sealpost").Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	texts, err := mutate.Apply(strings.TrimSpace(string(root)), withoutProofs...)
	if err != nil {
		return err
	}
	overlay, err := mutate.Overlay(scratch, texts)
	if err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-overlay", overlay, "-o", binary, "sealpost/services/server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}
