package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"sealpost/shared/durable"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// A floor is what disk and wire can do with the log files of the same messages,
// and nothing else done. It writes below dir, which is fresh.
type floor func(ctx context.Context, dir string) (outcome, error)

// floorSide measures a floor with n messages.
func (b *bench) floorSide(n int, run floor) side {
	return side{"floor", func(ctx context.Context) (values, error) {
		dir, err := b.fresh("floor")
		if err != nil {
			return nil, err
		}
		before := b.disk.counters()
		result, err := run(ctx, dir)
		return result.addTo(b.disk.counters().since(before, n), n), err
	}}
}

// logFile returns the log file that the server would write for a message of
// this content.
func logFile(body []byte) []byte {
	layout := messageLayout(uint64(len(body)))
	return slices.Concat(layout.Header(), body, layout.Trailer())
}

// messageLayout is that of a message of the load: its names have the same
// lengths, and so have time and id.
func messageLayout(size uint64) logfile.Layout {
	return logfile.NewLayout(logfile.Head{
		ReceivedAt: time.Now().UTC(), Size: size, Cipher: message.None,
		Sender: senderName(0), Name: messageName, ID: message.NewID(),
	}, 0)
}

// allThenSync writes n log files under their names, then flushes once.
func allThenSync(n int) floor {
	file := logFile(content(smallSize))
	return func(ctx context.Context, dir string) (outcome, error) {
		begin := time.Now()
		for i := 0; i < n && ctx.Err() == nil; i++ {
			if err := os.WriteFile(filepath.Join(dir, logfile.FileName(uint64(i))), file, 0o644); err != nil {
				return outcome{}, err
			}
		}
		err := syncAll(dir)
		return outcome{Elapsed: time.Since(begin)}, errors.Join(err, ctx.Err())
	}
}

// oneByOne writes, flushes and renames one log file after the other, and flushes
// the directory after each.
func oneByOne(n int) floor {
	file := logFile(content(smallSize))
	return func(ctx context.Context, dir string) (result outcome, err error) {
		for i := 0; i < n && ctx.Err() == nil; i++ {
			begin := time.Now()
			if err := durable.WriteFile(filepath.Join(dir, logfile.FileName(uint64(i))), file, 0o644); err != nil {
				return outcome{}, err
			}
			result.Latencies = append(result.Latencies, time.Since(begin))
			result.Elapsed += result.Latencies[i]
		}
		return result, ctx.Err()
	}
}

// upload hashes the file at path and sends it over HTTPS to a receiver, which
// hashes it and, as the server has to, the log file around it, and answers once
// that is flushed.
func upload(path string) floor {
	return func(ctx context.Context, dir string) (result outcome, err error) {
		receiver := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := receive(r.Body, filepath.Join(dir, "received"), r.ContentLength); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		}))
		defer receiver.Close()
		f, err := os.Open(path)
		if err != nil {
			return outcome{}, err
		}
		defer func() { _ = f.Close() }()
		begin := time.Now()
		size, err := io.Copy(sha256.New(), f)
		if err != nil {
			return outcome{}, err
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPut, receiver.URL, io.NewSectionReader(f, 0, size))
		if err != nil {
			return outcome{}, err
		}
		request.ContentLength = size
		response, err := receiver.Client().Do(request)
		if err != nil {
			return outcome{}, err
		}
		if response.StatusCode != http.StatusOK {
			err = fmt.Errorf("the receiver says %s", response.Status)
		}
		result = outcome{Elapsed: time.Since(begin), Latencies: []time.Duration{time.Since(begin)}}
		return result, errors.Join(err, response.Body.Close())
	}
}

func receive(from io.Reader, path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	layout := messageLayout(uint64(size))
	whole := io.MultiWriter(sha256.New(), f)
	_, head := whole.Write(layout.Header())
	_, body := io.CopyBuffer(io.MultiWriter(sha256.New(), whole), from, make([]byte, framing.MaxData))
	_, tail := whole.Write(layout.Trailer())
	return errors.Join(head, body, tail, f.Sync(), f.Close())
}

// syncAll flushes the file system that dir lies on.
func syncAll(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(d.Fd())), d.Close())
}
