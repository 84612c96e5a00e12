package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	neighbourFile  = 64 << 20
	neighbourFiles = 16 // then it writes over the first again: what it takes is bounded
)

// neighbourConfig says where the neighbour writes.
type neighbourConfig struct{ Dir string }

// neighbourReport is what it has written since it began.
type neighbourReport struct {
	Bytes   uint64
	Elapsed time.Duration
}

func runNeighbour(ctx context.Context, b *bench) error {
	if err := b.disk.room(neighbourFiles * neighbourFile); err != nil {
		return err
	}
	dir, err := b.fresh("neighbour")
	if err != nil {
		return err
	}
	busy, err := start(ctx, "neighbour", neighbourConfig{dir}, &struct{}{})
	if err != nil {
		return err
	}
	if err := b.compareShapes(ctx, "neighbour", []shape{{64, 1, asMeasured}, {64, 16, asMeasured}}); err != nil {
		return errors.Join(err, busy.end())
	}
	var report neighbourReport
	if err := busy.order(struct{}{}, &report); err != nil {
		return errors.Join(err, busy.end())
	}
	b.summary.add(figure{
		name: "neighbour: what it wrote meanwhile", unit: "MB/s",
		ours: float64(report.Bytes) / 1e6 / report.Elapsed.Seconds(), required: asMeasured,
	})
	return busy.end()
}

// playNeighbour writes large files and flushes each, until it is asked for its
// report.
func playNeighbour(ctx context.Context, c *conversation) error {
	var config neighbourConfig
	if err := c.hear(&config); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	asked := make(chan error, 1)
	go func() {
		err := c.hear(&struct{}{})
		asked <- err
		cancel(err)
	}()
	var report neighbourReport
	begin := time.Now()
	for n := 0; ctx.Err() == nil; n++ {
		if err := writeOver(filepath.Join(config.Dir, fmt.Sprint(n%neighbourFiles))); err != nil {
			return err
		}
		report.Bytes += neighbourFile
		if n == 0 { // it is at work from now on
			if err := c.tell(struct{}{}); err != nil {
				return err
			}
		}
	}
	report.Elapsed = time.Since(begin)
	if err := <-asked; err != nil {
		return err
	}
	return c.tell(report)
}

func writeOver(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	block := content(1 << 20)
	for range neighbourFile / len(block) {
		if _, err = f.Write(block); err != nil {
			break
		}
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
