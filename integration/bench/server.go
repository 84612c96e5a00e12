package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"sealpost/shared/admin"
	"sealpost/shared/logfile"
)

// volumes are the directories of one server, which outlive its process.
type volumes struct {
	data, state string
	stored      int // messages that have a receipt
}

// volumes makes fresh ones for a server of t.
func (b *bench) volumes(t *tree) (*volumes, error) {
	dir, err := b.fresh(t.name)
	if err != nil {
		return nil, err
	}
	v := &volumes{data: filepath.Join(dir, "data"), state: filepath.Join(dir, "state")}
	return v, errors.Join(os.Mkdir(v.data, 0o755), os.CopyFS(v.state, os.DirFS(t.in("state"))), os.Chmod(v.state, 0o700))
}

// check compares the manifest with what was receipted.
func (v *volumes) check() error {
	manifest, err := os.ReadFile(filepath.Join(v.data, "logs", logfile.ManifestName))
	if lines := bytes.Count(manifest, []byte("\n")); err == nil && lines != v.stored {
		err = fmt.Errorf("%d messages were receipted, and the manifest has %d lines", v.stored, lines)
	}
	return err
}

// server is a running server process.
type server struct {
	*volumes
	address string
	admin   string        // the URL of its pages, without a path
	startup time.Duration // from exec to ready
	cmd     *exec.Cmd
	proc    procfs.Proc
	log     *os.File
	stop    context.CancelFunc
	ended   chan struct{} // closed when the process has ended
}

// startServer starts a server on v and returns when it is ready. extra are
// further settings, NAME=VALUE; the others have their defaults.
func (t *tree) startServer(ctx context.Context, v *volumes, extra ...string) (*server, error) {
	address, err := freeAddress(ctx)
	adminAddress, e := freeAddress(ctx)
	if err := errors.Join(err, e); err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("server log", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	s := &server{
		volumes: v, address: address, admin: "http://" + adminAddress, log: os.NewFile(uintptr(fd), "server log"),
		ended: make(chan struct{}),
	}
	ctx, s.stop = context.WithCancel(ctx)
	s.cmd = exec.CommandContext(ctx, t.in("server"))
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.WaitDelay, s.cmd.Stderr = time.Minute, s.log
	s.cmd.Env = append([]string{"SERVER_LISTEN=" + address, "SERVER_ADMIN_LISTEN=" + adminAddress,
		"SERVER_DATA_DIR=" + v.data, "SERVER_STATE_DIR=" + v.state}, extra...)
	begin := time.Now()
	if err := s.cmd.Start(); err != nil {
		s.stop()
		return nil, errors.Join(err, s.log.Close())
	}
	go func() {
		_ = s.cmd.Wait() // end looks at the state
		s.stop()
		close(s.ended)
	}()
	err = s.awaitReady(ctx)
	s.startup = time.Since(begin)
	if err == nil {
		s.proc, err = procfs.NewProc(s.cmd.Process.Pid)
	}
	if err != nil {
		return nil, errors.Join(err, s.end())
	}
	return s, nil
}

// freeAddress returns a loopback address on which nothing listens now.
func freeAddress(ctx context.Context) (string, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// awaitReady returns nil once the server says that it is ready. ctx ends with the
// process.
func (s *server) awaitReady(ctx context.Context) error {
	_, err := backoff.Retry(ctx, func() (string, error) { return s.page(ctx, admin.ReadyPath) },
		backoff.WithBackOff(backoff.NewConstantBackOff(time.Millisecond)), backoff.WithMaxElapsedTime(10*time.Minute))
	return err
}

// page gets one of the server's pages, over a connection of its own.
func (s *server) page(ctx context.Context, path string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.admin+path, nil)
	if err != nil {
		return "", err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return string(text), err
}

// end drains the server and waits for its end. What it said last is part of the
// error.
func (s *server) end() error {
	defer func() { _ = s.log.Close() }()
	s.stop()
	<-s.ended
	if s.cmd.ProcessState.Success() {
		return nil
	}
	_, seek := s.log.Seek(0, io.SeekStart)
	said, err := io.ReadAll(s.log)
	return errors.Join(fmt.Errorf("the server: %s\n%s", s.cmd.ProcessState, said[max(0, len(said)-4096):]), seek, err)
}
