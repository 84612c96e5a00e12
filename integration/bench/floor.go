package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// floorBatch is the size of the second floor's groups.
const floorBatch = 64

// logFile returns the log file that the server would write for a message of
// this content.
func logFile(body []byte) []byte {
	layout := messageLayout(uint64(len(body)))
	return append(append(append([]byte(nil), layout.Header()...), body...), layout.Trailer()...)
}

// messageLayout is that of a message of the load: its names have the same
// lengths, and so have time and id.
func messageLayout(size uint64) logfile.Layout {
	return logfile.NewLayout(logfile.Head{
		ReceivedAt: time.Now().UTC(), Size: size, Cipher: message.None,
		Sender: senderName(0), Name: messageName, ID: message.NewID(),
	}, 0)
}

func senderName(n int) string { return fmt.Sprintf("bench-%02d", n) }

// floor is a plain loop that writes n log files below dir, which is fresh, and
// returns the time it took.
type floor func(ctx context.Context, dir string, n int, file []byte) (time.Duration, error)

// allThenSync writes all files under their names, then flushes once.
func allThenSync(ctx context.Context, dir string, n int, file []byte) (time.Duration, error) {
	begin := time.Now()
	for i := range n {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := writeFile(filepath.Join(dir, logfile.FileName(uint64(i))), file); err != nil {
			return 0, err
		}
	}
	if err := syncAll(dir); err != nil {
		return 0, err
	}
	return time.Since(begin), nil
}

// batches writes groups of files, flushes each, gives the files their names,
// and flushes again.
func batches(ctx context.Context, dir string, n int, file []byte) (time.Duration, error) {
	staging, logs := filepath.Join(dir, "staging"), filepath.Join(dir, "logs")
	for _, d := range []string{staging, logs} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return 0, err
		}
	}
	begin := time.Now()
	for from := 0; from < n; from += floorBatch {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := oneBatch(dir, staging, logs, from, min(from+floorBatch, n), file); err != nil {
			return 0, err
		}
	}
	return time.Since(begin), nil
}

func oneBatch(dir, staging, logs string, from, to int, file []byte) error {
	for i := from; i < to; i++ {
		if err := writeFile(filepath.Join(staging, logfile.FileName(uint64(i))), file); err != nil {
			return err
		}
	}
	if err := syncAll(dir); err != nil {
		return err
	}
	for i := from; i < to; i++ {
		name := logfile.FileName(uint64(i))
		if err := os.Rename(filepath.Join(staging, name), filepath.Join(logs, name)); err != nil {
			return err
		}
	}
	return syncAll(dir)
}

// syncAll flushes the file system that dir lies on.
func syncAll(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return unix.Syncfs(int(d.Fd()))
}

func writeFile(path string, p []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(p)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// oneAtATime writes, flushes and renames one file after the other, flushes the
// directory after each, and returns the time that each took. first is the
// number of the first file.
func oneAtATime(ctx context.Context, dir string, first, n int, file []byte) ([]time.Duration, error) {
	var times []time.Duration
	for i := first; i < first+n; i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		begin := time.Now()
		if err := publishOne(dir, logfile.FileName(uint64(i)), file); err != nil {
			return nil, err
		}
		times = append(times, time.Since(begin))
	}
	return times, nil
}

func publishOne(dir, name string, file []byte) error {
	temporary := filepath.Join(dir, "temporary")
	if err := writeSynced(temporary, file); err != nil {
		return err
	}
	if err := os.Rename(temporary, filepath.Join(dir, name)); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	return err
}

func writeSynced(path string, p []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err = f.Write(p); err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
