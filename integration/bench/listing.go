package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jlaffaye/ftp"

	"sealpost/shared/logfile"
)

// runListing has vsftpd list log files that were made without a server, flat and
// sharded.
func runListing(ctx context.Context, b *bench) error {
	if !b.hasFTP("listing") {
		return nil
	}
	flat, err := b.listingSide(ctx, "flat", logfile.FileName)
	if err != nil {
		return err
	}
	sharded, err := b.listingSide(ctx, "sharded", logfile.ShardedPath)
	if err != nil {
		return err
	}
	return b.compare(ctx, comparison{
		name:    "listing",
		about:   fmt.Sprintf("%d log files over FTP: the largest directory's, and then all of them", b.listing),
		columns: []string{"files", "list ms", "all ms"},
		rounds:  b.rounds, sides: []side{flat, sharded},
	})
}

// listingSide makes empty files once, and lists them in each round.
func (b *bench) listingSide(ctx context.Context, name string, path func(uint64) string) (side, error) {
	b.say("listing: making %d files, %s", b.listing, name)
	dir, err := b.fresh("listing")
	if err != nil {
		return side{}, err
	}
	dirs := []string{"."}
	for i := 0; i < b.listing && ctx.Err() == nil; i++ {
		file := path(uint64(i))
		if shard := logfile.Shard(file); shard != "" && shard != dirs[len(dirs)-1] {
			dirs = append(dirs, shard)
			if err := os.Mkdir(filepath.Join(dir, shard), 0o755); err != nil {
				return side{}, err
			}
		}
		if err := os.WriteFile(filepath.Join(dir, file), nil, 0o644); err != nil {
			return side{}, err
		}
	}
	return side{name, func(ctx context.Context) (values, error) { return b.list(ctx, dir, dirs) }}, ctx.Err()
}

// list starts an FTP server on dir and lists directories below it.
func (b *bench) list(ctx context.Context, dir string, dirs []string) (got values, err error) {
	f, err := b.startFTP(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.end()) }()
	c, err := f.dial(false)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Quit() }()
	return b.listAll(c, dirs)
}

// listAll lists directories one after the other. Together they have all the files.
func (b *bench) listAll(conn *ftp.ServerConn, dirs []string) (values, error) {
	got := values{"files": 0, "list ms": 0, "all ms": 0}
	all := 0
	for _, dir := range dirs {
		began := time.Now()
		entries, err := conn.List(dir)
		if err != nil {
			return nil, err
		}
		took := time.Since(began).Seconds() * 1000
		got["all ms"] += took
		for _, e := range entries {
			if e.Type == ftp.EntryTypeFile {
				all++
			}
		}
		if files := float64(len(entries)); files > got["files"] {
			got["files"], got["list ms"] = files, took
		}
	}
	if all != b.listing {
		return nil, fmt.Errorf("%d files were listed of %d", all, b.listing)
	}
	return got, nil
}
