package main

import (
	"bufio"
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

	"golang.org/x/sys/unix"

	"sealpost/services/server/admin"
	"sealpost/shared/logfile"
)

const (
	readyPause = time.Millisecond
	readyLimit = 10 * time.Minute // recovery of a million messages may take a while
	stopLimit  = time.Minute
	tailSize   = 4 << 10 // of the server's log, shown when it fails
)

// volumes are the directories of one server, which outlive its process.
type volumes struct{ data, state string }

func (w *workspace) volumes(name string) (volumes, error) {
	dir, err := w.fresh(name)
	if err != nil {
		return volumes{}, err
	}
	v := volumes{data: filepath.Join(dir, "data"), state: filepath.Join(dir, "state")}
	if err := os.Mkdir(v.data, 0o755); err != nil {
		return volumes{}, err
	}
	if err := os.CopyFS(v.state, os.DirFS(w.state)); err != nil {
		return volumes{}, err
	}
	return v, os.Chmod(v.state, 0o700)
}

// stored counts the lines of the manifest.
func (v volumes) stored() (int, error) {
	f, err := os.Open(filepath.Join(v.data, "logs", logfile.ManifestName))
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	return countLines(f)
}

func countLines(r io.Reader) (int, error) {
	lines, buf := 0, make([]byte, 1<<20)
	for {
		n, err := r.Read(buf)
		lines += bytes.Count(buf[:n], []byte("\n"))
		if err == io.EOF {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
	}
}

// server is a running server process.
type server struct {
	volumes
	address, admin string
	startup        time.Duration // from exec to ready
	cmd            *exec.Cmd
	log            *os.File
	ended          chan struct{} // closed when the process has ended, with err set
	err            error
}

// startServer starts a server on v and returns when it is ready. extra are
// further settings, NAME=VALUE.
func (w *workspace) startServer(ctx context.Context, v volumes, extra ...string) (*server, error) {
	addresses, err := freeAddresses(2)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("server log", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	s := &server{
		volumes: v, address: addresses[0], admin: addresses[1],
		log: os.NewFile(uintptr(fd), "server log"), ended: make(chan struct{}),
	}
	s.cmd = exec.Command(w.binary)
	s.cmd.Env = append(append(environment(), "SERVER_LISTEN="+s.address, "SERVER_ADMIN_LISTEN="+s.admin,
		"SERVER_DATA_DIR="+v.data, "SERVER_STATE_DIR="+v.state), extra...)
	s.cmd.Stderr = s.log
	begin := time.Now()
	if err := s.cmd.Start(); err != nil {
		_ = s.log.Close()
		return nil, err
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	if err := s.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, s.kill())
	}
	s.startup = time.Since(begin)
	return s, nil
}

// freeAddresses returns loopback addresses on which nothing listens now.
func freeAddresses(n int) ([]string, error) {
	var addresses []string
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = ln.Close() }() // all at the end: none may come twice
		addresses = append(addresses, ln.Addr().String())
	}
	return addresses, nil
}

func (s *server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	for {
		if _, err := s.ask(ctx, admin.ReadyPath); err == nil {
			return nil
		}
		select {
		case <-time.After(readyPause):
		case <-s.ended:
			return fmt.Errorf("the server ended before it was ready: %w\n%s", s.err, s.tail())
		case <-ctx.Done():
			return fmt.Errorf("the server is not ready: %w\n%s", context.Cause(ctx), s.tail())
		}
	}
}

// ask fetches one of the operator's pages.
func (s *server) ask(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+path, nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(response.Status)
	}
	return io.ReadAll(response.Body)
}

// metric returns one of the server's metrics that has no labels.
func (s *server) metric(ctx context.Context, name string) (float64, error) {
	text, err := s.ask(ctx, admin.MetricsPath)
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		var value float64
		if n, _ := fmt.Sscanf(lines.Text(), name+" %g", &value); n == 1 {
			return value, nil
		}
	}
	return 0, fmt.Errorf("the server has no metric %s", name)
}

func (s *server) memory() (memory, error)     { return memoryOf(s.cmd.Process.Pid) }
func (s *server) cpu() (time.Duration, error) { return cpuOf(s.cmd.Process.Pid) }

// tail returns the end of the server's log.
func (s *server) tail() string {
	info, err := s.log.Stat()
	if err != nil {
		return ""
	}
	from := max(0, info.Size()-tailSize)
	text, _ := io.ReadAll(io.NewSectionReader(s.log, from, tailSize))
	return string(text)
}

// stop drains the server and compares its manifest with the number of messages
// that were receipted on its volumes so far.
func (s *server) stop(receipted int) error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // one that has ended says so below
	select {
	case <-s.ended:
	case <-time.After(stopLimit):
		return errors.Join(errors.New("the server does not stop"), s.kill())
	}
	defer func() { _ = s.log.Close() }()
	if s.err != nil {
		return fmt.Errorf("the server ended with %w\n%s", s.err, s.tail())
	}
	stored, err := s.stored()
	if err == nil && stored != receipted {
		err = fmt.Errorf("%d messages were receipted, and the manifest has %d lines", receipted, stored)
	}
	return err
}

// kill ends the process at once; after stop it does nothing.
func (s *server) kill() error {
	defer func() { _ = s.log.Close() }()
	err := s.cmd.Process.Kill()
	<-s.ended
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
