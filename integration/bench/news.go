package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	newFiles = 10
	fetched  = "KiB fetched"
)

// runNews has the driver collect a few new log files beside many that it has already.
func runNews(ctx context.Context, b *bench) error {
	if !b.hasFTP("news") {
		return nil
	}
	v, err := b.filledVolumes(ctx, b.known)
	if err != nil {
		return err
	}
	logs := filepath.Join(v.data, "logs")
	f, err := b.startFTP(ctx, logs)
	if err != nil {
		return err
	}
	defer func() { _ = f.end() }()
	dir, err := b.fresh("collected")
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, os.DirFS(logs)); err != nil {
		return err
	}
	return b.compare(ctx, comparison{
		name:    "news",
		about:   fmt.Sprintf("%d new log files beside %d that are there", newFiles, b.known),
		columns: []string{middle, fetched},
		rounds:  b.rounds, bytes: smallRoom * newFiles,
		sides:   []side{{ours, func(ctx context.Context) (values, error) { return b.news(ctx, v, f, dir) }}},
		demands: []demand{{middle, "", limit{most: 1000}}, {fetched, "", limit{}}},
	})
}

// news has a server keep a few more messages, and measures how long the driver takes
// to bring them.
func (b *bench) news(ctx context.Context, v *volumes, f *ftpServer, dir string) (values, error) {
	_, err := b.withRig(ctx, b.trees[0], v, 1, func(r *rig) (values, error) {
		return r.send(order{Messages: newFiles, Senders: 1, InFlight: newFiles, Size: smallSize})
	})
	if err != nil {
		return nil, err
	}
	before, err := f.fetched()
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	began := time.Now()
	if _, err := output(b.driver(ctx, f, false, dir)); err != nil {
		return nil, err
	}
	elapsed := time.Since(began)
	after, err := f.fetched()
	return values{middle: elapsed.Seconds() * 1000, fetched: float64(after-before) / 1024}, err
}
