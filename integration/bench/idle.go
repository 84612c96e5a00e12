package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// runIdle has many connections log in and then say nothing.
func runIdle(ctx context.Context, b *bench) error {
	most := fmt.Sprint(b.connections + 1)
	return b.compare(ctx, comparison{
		name:    "idle",
		about:   fmt.Sprintf("the server's memory with %d connections, each logged in", b.connections),
		columns: []string{memory, peakMemory},
		rounds:  b.rounds, bytes: smallRoom * uint64(b.connections),
		sides: b.treeSides(b.connections, b.measureIdle,
			"SERVER_MAX_CONNECTIONS="+most, "SERVER_MAX_CONNECTIONS_PER_ADDRESS="+most),
		demands: []demand{
			{memory, "", limit{most: 400}},
			{peakMemory, "", limit{most: 400}},
			{memory, other, limit{most: 1.05}},
		},
	})
}

func (b *bench) measureIdle(r *rig) (values, error) {
	time.Sleep(b.settle)
	open, err := r.proc.FileDescriptorsLen()
	if err == nil && open < b.connections {
		err = fmt.Errorf("the server has %d open files, fewer than %d connections", open, b.connections)
	}
	used, e := r.memory()
	if err := errors.Join(err, e); err != nil {
		return nil, err
	}
	// They are all alive: each delivers a message.
	_, err = r.send(order{Messages: b.connections, Senders: b.connections, InFlight: 1, Size: 16})
	return used, err
}
