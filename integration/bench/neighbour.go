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
	var speed float64 // in MB/s, once ended
	go func() {
		var err error
		speed, err = keepBusy(busy, dir)
		ended <- err
	}()
	err = b.compareShapes(ctx, "neighbour", shape{senders: 64, inFlight: 1}, shape{senders: 64, inFlight: 16})
	stop()
	err = errors.Join(err, <-ended)
	fmt.Fprintf(b.out, "\nthe neighbour wrote %s MB/s\n", show(speed))
	return err
}

// keepBusy writes to a large file and flushes it, again and again until ctx
// ends, and returns how many MB a second that were.
func keepBusy(ctx context.Context, dir string) (float64, error) {
	f, err := os.Create(filepath.Join(dir, "busy"))
	if err != nil {
		return 0, err
	}
	part, begin, n := content(64<<20), time.Now(), 0
	for ; err == nil && ctx.Err() == nil; n++ {
		// After 1 GiB it writes over the first part again: what it takes is bounded.
		if _, err = f.WriteAt(part, int64(n%16*len(part))); err == nil {
			err = f.Sync()
		}
	}
	written := float64(n) * float64(len(part)) / 1e6
	return written / time.Since(begin).Seconds(), errors.Join(err, f.Close())
}
