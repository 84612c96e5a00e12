package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"sealpost/shared/framing"
)

// senders are made once; each run's state is a copy of the first.
const senders = 64

// workspace is the directory in which everything of this run lies.
type workspace struct {
	base   string
	disk   disk
	binary string // the server
	state  string // with its senders, never run on
	access access
	runs   int
}

// access is what senders need to log in.
type access struct {
	Identity string   // the server's, as a pin
	Tokens   []string // one for each sender
}

func newWorkspace(parent string) (*workspace, error) {
	base, err := os.MkdirTemp(parent, "sealpost-bench-")
	if err != nil {
		return nil, err
	}
	d, err := diskOf(base)
	if err != nil {
		_ = os.Remove(base)
		return nil, err
	}
	return &workspace{base: base, disk: d, binary: filepath.Join(base, "server"), state: filepath.Join(base, "state")}, nil
}

func (w *workspace) remove() error { return os.RemoveAll(w.base) }

// fresh makes a directory for one run. What was written before it is flushed
// first: the run's own flush of the file system must not pay for that.
func (w *workspace) fresh(name string) (string, error) {
	w.runs++
	dir := filepath.Join(w.base, fmt.Sprintf("%04d-%s", w.runs, name))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	return dir, syncAll(dir)
}

// prepare builds the server as for its image, but with the symbols that a
// profiler wants, and makes the senders with its own commands.
func (w *workspace) prepare(ctx context.Context) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", w.binary, "sealpost/services/server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	for i := range senders {
		if err := w.addSender(ctx, senderName(i)); err != nil {
			return err
		}
	}
	return nil
}

func (w *workspace) addSender(ctx context.Context, name string) error {
	cmd := exec.CommandContext(ctx, w.binary, "sender", "add", name)
	cmd.Env = append(environment(), "SERVER_STATE_DIR="+w.state)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("server sender add: %w\n%s", err, complaint.String())
	}
	for line := range strings.Lines(string(out)) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), "="); name {
		case "CLIENT_SERVER_IDENTITY":
			w.access.Identity = value
		case "CLIENT_TOKEN":
			w.access.Tokens = append(w.access.Tokens, value)
		}
	}
	return nil
}

// environment is this process's own without settings of a server: those are the
// defaults, but for what a case sets.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "SERVER_") })
}

// source makes a file of n bytes that do not compress, on disk and in the page
// cache.
func (w *workspace) source(name string, n uint64) (path string, err error) {
	if err := w.disk.room(n); err != nil {
		return "", err
	}
	path = filepath.Join(w.base, name)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	block := content(framing.MaxData)
	for left := n; left > 0; {
		part := block[:min(left, uint64(len(block)))]
		if _, err := f.Write(part); err != nil {
			return "", err
		}
		left -= uint64(len(part))
	}
	return path, f.Sync()
}
