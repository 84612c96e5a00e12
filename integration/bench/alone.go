package main

import (
	"context"
	"fmt"
)

// aloneOrder is one message at a time on one connection.
var aloneOrder = order{Messages: 25, Senders: 1, InFlight: 1, Size: smallSize}

// runAlone measures the time of single messages, in turn with a loop that
// writes, flushes and renames the same bytes.
func runAlone(ctx context.Context, b *bench) error {
	n := aloneOrder.Messages
	return b.compare(ctx, comparison{
		name:    "alone",
		about:   fmt.Sprintf("%d messages of 1 KiB, one at a time; floor: write, fsync, rename, directory fsync", n),
		columns: []string{middle, slow, writes, flushes},
		rounds:  4 * b.rounds, bytes: 2 * smallRoom * uint64(n),
		sides:   append(b.sending(aloneOrder), b.floorSide(n, oneByOne(n))),
		demands: []demand{{middle, "floor", limit{most: 2}}, {middle, other, limit{most: 1.05}}},
	})
}
