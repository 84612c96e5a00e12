package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/shared/logfile"
)

// The floors write what the server writes.
func TestFloors(t *testing.T) {
	const n = floorBatch + 3
	file := logFile(content(smallSize))
	for _, c := range []struct {
		name  string
		run   floor
		below string
	}{{"all, then one flush", allThenSync, "."}, {"batches", batches, "logs"}} {
		dir := t.TempDir()
		if _, err := c.run(t.Context(), dir, n, file); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		checkFiles(t, filepath.Join(dir, c.below), n, file)
	}
	dir := t.TempDir()
	times, err := oneAtATime(t.Context(), dir, 0, n, file)
	if err != nil || len(times) != n {
		t.Fatalf("%d times, %v", len(times), err)
	}
	checkFiles(t, dir, n, file)
}

func checkFiles(t *testing.T, dir string, n int, file []byte) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check(t, err)
	if len(entries) != n {
		t.Errorf("%d files in %s, want %d", len(entries), dir, n)
	}
	for i := range n {
		if got, err := os.ReadFile(filepath.Join(dir, logfile.FileName(uint64(i)))); err != nil || !bytes.Equal(got, file) {
			t.Errorf("file %d is another: %v", i, err)
		}
	}
}

func TestFloorsStop(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, run := range []floor{allThenSync, batches} {
		if _, err := run(ctx, t.TempDir(), 1, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	}
}

// connection gives one side what the other has written.
type connection struct {
	io.Reader
	io.Writer
}

func TestBareMessage(t *testing.T) {
	dir := t.TempDir()
	body := content(200_000) // no multiple of any buffer
	source, kept := filepath.Join(dir, "source"), filepath.Join(dir, "kept")
	check(t, os.WriteFile(source, body, 0o644))
	var wire, answer bytes.Buffer
	check(t, sendBare(connection{strings.NewReader("!"), &wire}, source))
	check(t, takeBare(connection{&wire, &answer}, kept))
	if answer.Len() != bareAnswer {
		t.Errorf("the answer has %d bytes", answer.Len())
	}
	got, err := os.ReadFile(kept)
	check(t, err)
	if want := logFile(body); len(got) != len(want) || !bytes.Contains(got, body) {
		t.Errorf("the log file has %d bytes, want %d with the message in them", len(got), len(want))
	}
}

func TestBareMessageRefused(t *testing.T) {
	body := []byte("message")
	sum := sha256.Sum256(body)
	head := append(binary.BigEndian.AppendUint64(nil, uint64(len(body))), sum[:]...)
	for name, c := range map[string]struct {
		wire string
		want error
	}{
		"nothing":     {"", io.EOF},
		"cut":         {string(head) + "mess", io.ErrUnexpectedEOF},
		"other bytes": {string(head) + "massage", errBareDigest},
	} {
		var answer bytes.Buffer
		err := takeBare(connection{strings.NewReader(c.wire), &answer}, filepath.Join(t.TempDir(), "kept"))
		if !errors.Is(err, c.want) || answer.Len() != 0 {
			t.Errorf("%s: error %v, want %v; %d bytes of answer", name, err, c.want, answer.Len())
		}
	}
}
