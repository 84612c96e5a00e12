package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// runNeighbour measures two shapes while something else writes to the disk.
func runNeighbour(ctx context.Context, b *bench) error {
	dir, err := b.fresh("neighbour")
	if err != nil {
		return err
	}
	busy, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- b.keepBusy(busy, dir) }()
	err = b.compareShapes(ctx, "neighbour", shape{senders: 64, inFlight: 1}, shape{senders: 64, inFlight: 16})
	stop()
	return errors.Join(err, <-ended)
}

// keepBusy writes to a large file and flushes it, again and again until ctx
// ends, and prints how fast that was.
func (b *bench) keepBusy(ctx context.Context, dir string) error {
	f, err := os.Create(filepath.Join(dir, "busy"))
	if err != nil {
		return err
	}
	part, begin, n := content(64<<20), time.Now(), 0
	for ; err == nil && ctx.Err() == nil; n++ {
		// After 1 GiB it writes over the first part again: what it takes is bounded.
		if _, err = f.WriteAt(part, int64(n%16*len(part))); err == nil {
			err = f.Sync()
		}
	}
	written := float64(n*len(part)) / 1e6
	fmt.Fprintf(b.out, "\nthe neighbour wrote %s MB/s\n", show(written/time.Since(begin).Seconds()))
	return errors.Join(err, f.Close())
}
