package faults

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
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sealpost/integration/faults/ledger"
)

// patience is how long an event may take that must come. Nothing is judged by
// it: a machine that is slower than this fails, however sound the programs are.
const patience = 3 * time.Minute

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// server is a server process that can be killed and started again, on the same
// addresses.
type server struct {
	t             *testing.T
	data, state   string
	listen, admin string
	env           []string
	program       string // the file that is run
	descriptors   int    // that it may have open; 0: as many as this process

	cmd    *exec.Cmd
	exited chan struct{} // closed when the process is gone
	log    *os.File      // of all its lives
}

// newServer gives a server directories of its own. It does not run yet.
func newServer(t *testing.T, settings ...string) *server {
	dir := t.TempDir()
	return serverOn(t, filepath.Join(dir, "data"), filepath.Join(dir, "state"), settings...)
}

func serverOn(t *testing.T, data, state string, settings ...string) *server {
	t.Helper()
	s := &server{t: t, data: data, state: state, listen: address(t), admin: address(t)}
	s.program = filepath.Join(programs, "server")
	s.env = append(os.Environ(), "SERVER_LISTEN="+s.listen, "SERVER_ADMIN_LISTEN="+s.admin,
		"SERVER_DATA_DIR="+data, "SERVER_STATE_DIR="+state, "SERVER_LOG_FORMAT=json")
	s.env = append(s.env, settings...)
	for _, dir := range []string{data, state} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if s.log, err = os.Create(filepath.Join(t.TempDir(), "server.log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.kill()
		showLog(t, "server", s.log)
	})
	return s
}

var ports struct {
	sync.Mutex
	given map[string]bool
}

// address returns one to listen on that stays the same over restarts. The host
// is a loopback address that belongs to this process alone, so nothing else
// takes the port meanwhile.
func address(t *testing.T) string {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	if ports.given == nil {
		ports.given = make(map[string]bool)
	}
	for {
		ln, err := net.Listen("tcp", ownHost()+":0")
		if err != nil {
			t.Fatal(err)
		}
		addr := ln.Addr().String()
		_ = ln.Close()
		if !ports.given[addr] {
			ports.given[addr] = true
			return addr
		}
	}
}

func ownHost() string { return loopback(64) }

// relayHost is where relays listen, who are many: on the servers' address one
// might take a port that a server is about to be given.
func relayHost() string { return loopback(128) }

// loopback returns an address of this process alone: its second number is from,
// or one of the 63 behind it.
func loopback(from int) string {
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", from+pid>>16&63, pid>>8&255, pid&255)
}

// start runs the process; it returns before the server is ready.
func (s *server) start() {
	s.t.Helper()
	cmd := exec.Command(s.program)
	if s.descriptors > 0 {
		cmd = exec.Command("sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0"`, s.descriptors), cmd.Path)
	}
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, s.log, s.log
	// A test that is itself killed leaves no server behind.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	s.cmd, s.exited = cmd, exited
}

// processes are those that run: one, or none.
func (s *server) processes() []*os.Process {
	if s.cmd == nil {
		return nil
	}
	return []*os.Process{s.cmd.Process}
}

// kill ends the process as kill -9 does, if it runs, and waits until it is gone.
func (s *server) kill() { s.signal(syscall.SIGKILL) }

// stop ends it in order.
func (s *server) stop() { s.signal(syscall.SIGTERM) }

func (s *server) signal(sig syscall.Signal) {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(sig) // it may have ended
	<-s.exited
	s.cmd = nil
}

// readyz asks the server whether it is ready (200), and if not (503), why. 0 is
// no answer.
func (s *server) readyz(ctx context.Context) (status int, reason string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	reason, status, err := s.get(ctx, "/readyz")
	if err != nil {
		return 0, err.Error()
	}
	return status, reason
}

func (s *server) get(ctx context.Context, path string) (text string, status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+path, nil)
	if err != nil {
		return "", 0, err
	}
	response, err := s.web().Do(request)
	if err != nil {
		return "", 0, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return strings.TrimSpace(string(body)), response.StatusCode, err
}

// web makes a connection for each request: a kept one may be to a server that
// was killed since.
func (s *server) web() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

var errExited = errors.New("the server has ended")

const (
	ready = http.StatusOK
	red   = http.StatusServiceUnavailable
)

// await polls until the server is ready, or red, as wanted, and returns its
// reason.
func (s *server) await(want int) (reason string) {
	s.t.Helper()
	s.until(func(ctx context.Context) (bool, string) {
		var status int
		status, reason = s.readyz(ctx)
		return status == want, reason
	})
	return reason
}

// answers waits for the first word of a server that was just started. It says
// nothing before it has looked at its volumes, so this is its judgement of them.
func (s *server) answers() (status int, reason string) {
	s.t.Helper()
	s.until(func(ctx context.Context) (bool, string) {
		status, reason = s.readyz(ctx)
		return status != 0, reason
	})
	return status, reason
}

// until polls until done says so. A server that ends instead fails the test.
func (s *server) until(done func(context.Context) (ok bool, why string)) {
	s.t.Helper()
	if err := poll(patient(s.t), s.exited, done); err != nil {
		s.t.Fatal(err)
	}
}

// poll asks until done says so. It ends with errExited where exited is closed before, and with
// the last reason where ctx ends.
func poll(ctx context.Context, exited <-chan struct{}, done func(context.Context) (ok bool, why string)) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	reason := ""
	for {
		ok, why := done(ctx)
		if ok {
			return nil
		}
		if ctx.Err() == nil {
			reason = why
		}
		select {
		case <-exited:
			return errExited
		case <-ctx.Done():
			return fmt.Errorf("waited for too long: %s", reason)
		case <-tick.C:
		}
	}
}

// command runs the server's program with arguments and returns what it printed
// and its exit status.
func (s *server) command(args ...string) (out, complaint string, status int) {
	s.t.Helper()
	cmd := exec.CommandContext(patient(s.t), s.program, args...)
	cmd.Env = s.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		s.t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// audit compares the server's volume with the ledger.
func (s *server) audit(l *ledger.Ledger) ledger.Report {
	s.t.Helper()
	r, err := l.Audit(s.data)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// showLog shows the end of a program's log beside a failure, and of its warnings and errors,
// and closes it.
func showLog(t *testing.T, program string, log *os.File) {
	defer log.Close()
	if !t.Failed() {
		return
	}
	text, err := os.ReadFile(log.Name())
	if err != nil {
		t.Error(err)
	}
	var complaints []byte
	for line := range bytes.Lines(text) {
		if !bytes.Contains(line, []byte(`"level":"info"`)) {
			complaints = append(complaints, line...)
		}
	}
	const most = 6000
	t.Logf("the end of the %s's complaints:\n%s", program, complaints[max(0, len(complaints)-most):])
	t.Logf("the end of the %s's log:\n%s", program, text[max(0, len(text)-most):])
}
