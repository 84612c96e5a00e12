package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"

	"sealpost/shared/logfile"
)

// boundGroup is the most messages that the keeper takes at once.
const boundGroup = 256

// keeper does for a message what no server can leave out, and nothing else: its
// log file is written, flushed with those of a group, and renamed. The names are
// left unflushed, which a server that is believed may not.
type keeper struct {
	dir, staging, logs string
	came               chan wireMessage
	kept               int
}

// newKeeper returns what takes messages into dir, from any goroutine.
func newKeeper(ctx context.Context, dir string) (func(wireMessage) error, error) {
	k := &keeper{dir: dir, staging: filepath.Join(dir, "staging"), logs: filepath.Join(dir, "logs"),
		came: make(chan wireMessage, boundGroup)}
	for _, d := range []string{k.staging, k.logs} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return nil, err
		}
	}
	go k.run(ctx)
	return func(m wireMessage) error {
		select {
		case k.came <- m:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}, nil
}

func (k *keeper) run(ctx context.Context) {
	for {
		select {
		case m := <-k.came:
			if err := k.keep(k.gather(m)); err != nil {
				fmt.Fprintln(os.Stderr, "keeper:", err)
				os.Exit(exitFailed)
			}
		case <-ctx.Done():
			return
		}
	}
}

func (k *keeper) gather(m wireMessage) []wireMessage {
	group := []wireMessage{m}
	for len(group) < boundGroup {
		select {
		case m := <-k.came:
			group = append(group, m)
		default:
			return group
		}
	}
	return group
}

func (k *keeper) keep(group []wireMessage) error {
	for i, m := range group {
		if err := writeFile(filepath.Join(k.staging, logfile.FileName(uint64(k.kept+i))), logFile(m.body)); err != nil {
			return err
		}
	}
	if err := syncAll(k.dir); err != nil {
		return err
	}
	answers := make(map[*tls.Conn][]byte)
	for i, m := range group {
		name := logfile.FileName(uint64(k.kept + i))
		if err := os.Rename(filepath.Join(k.staging, name), filepath.Join(k.logs, name)); err != nil {
			return err
		}
		answers[m.conn] = m.answer(answers[m.conn])
	}
	k.kept += len(group)
	for conn, text := range answers {
		if _, err := conn.Write(text); err != nil {
			return err
		}
	}
	return nil
}

// runBound measures what is left of the floor's rate when the files come over
// the wire from a load that shares the machine.
func runBound(ctx context.Context, b *bench) error {
	return eachShape(smallShapes, func(s shape) error { return b.measureBound(ctx, s) })
}

func (b *bench) measureBound(ctx context.Context, s shape) error {
	table := newTable(fmt.Sprintf("bound: %d messages of %d bytes, %s, kept and not checked", b.messages, smallSize, s),
		"round", "msg/s", "floor, one flush", "ratio", "server CPU s", "load CPU s")
	var rates, floors []float64
	var pairs ratios
	for round := range b.rounds {
		dir, err := b.fresh("bound")
		if err != nil {
			return err
		}
		kept, err := b.wireRun(ctx, s, dir)
		if err != nil {
			return err
		}
		floor, err := b.floorRun(ctx, "bound-floor", allThenSync, b.messages, logFile(content(smallSize)))
		if err != nil {
			return err
		}
		ratio := kept.rate() / floor.rate()
		rates, floors, pairs = append(rates, kept.rate()), append(floors, floor.rate()), append(pairs, ratio)
		table.row(round+1, kept.rate(), floor.rate(), ratio, kept.serverCPU, kept.CPU)
	}
	table.print(b.out)
	b.summary.add(figure{name: "bound: " + s.String(), unit: "msg/s",
		ours: median(rates), floor: median(floors), ratios: pairs, required: asMeasured})
	return nil
}
