package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// runLarge sends a large message, in turn with an upload that does as much for
// wire and disk, and nothing else.
func runLarge(ctx context.Context, b *bench) error {
	path := filepath.Join(b.base, "large")
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, rand.NewChaCha8(seed), int64(b.large)) // it does not compress
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	staged := 2*b.large + 1<<30
	o := order{Messages: 1, Senders: 1, InFlight: 1, Path: path}
	sides := b.sending(o, "SERVER_MAX_MESSAGE_BYTES="+b.large.String(), "SERVER_MAX_STAGED_BYTES="+staged.String())
	return b.compare(ctx, comparison{
		name:    "large",
		about:   fmt.Sprintf("one message of %s; floor: the client's hash, TLS, the server's two, write, fsync", b.large),
		columns: []string{middle, serverTime, loadTime, peakMemory, writes, flushes},
		rounds:  b.rounds, bytes: uint64(b.large),
		sides: append(sides, b.floorSide(1, upload(path))),
		demands: []demand{
			{rate, "floor", limit{least: 0.8}},
			{rate, other, limit{least: 0.95}},
			{peakMemory, "", limit{most: 64}},
		},
	})
}
