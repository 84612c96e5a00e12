package faults

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestCrowdAtTheDescriptors has more connect, without a token or a word, than
// the server may have descriptors. Who was there keeps its session, what it sends
// is kept, and the server says what is the matter: at its start that the limit is
// too low for its settings, and later when something takes of its reserve.
func TestCrowdAtTheDescriptors(t *testing.T) {
	t.Parallel()
	const limit, crowd = 256, 400
	s := newServer(t, "SERVER_HANDSHAKE_TIMEOUT=1h")
	s.descriptors = limit
	f := newFleet(s, s.listen, 1, defaultStall)
	s.start()
	s.await(ready)
	f.deliverNow(1)
	leave := s.crowd(crowd)
	s.until(func(ctx context.Context) (bool, string) {
		closed, err := s.metric(ctx, "sealpost_connections_closed_total")
		if err != nil { // the port may be the first that lacks a descriptor
			return s.openFiles() >= limit-1, err.Error()
		}
		open, err := s.metric(ctx, "sealpost_connections")
		return err == nil && closed+open > crowd, fmt.Sprint(closed, open, err)
	})
	t.Logf("of %d descriptors the server has %d open", limit, s.openFiles())
	f.deliverNow(64)
	if status, reason := s.readyz(patient(t)); status != ready {
		t.Errorf("the reserve was not touched, but readiness says %d: %s", status, reason)
	}
	if log := s.logged(); !strings.Contains(log, "the limit of open files is too low") {
		t.Error("the start told nobody of the limit")
	}

	s.lower(s.openFiles() + 8)
	if reason := s.await(red); !strings.Contains(reason, "file descriptors") || !strings.Contains(reason, "hint: raise") {
		t.Errorf("red for another reason: %s", reason)
	}
	leave()
	s.await(ready)
	f.deliverNow(1)
	s.stop()
	results.report(t, "16 descriptors", s.audit(f.ledger))
}

// deliverNow sends n messages, each of which must be kept.
func (f *fleet) deliverNow(n int) {
	f.t.Helper()
	for range n {
		if err := f.deliver(patient(f.t), f.next()); err != nil {
			f.t.Fatal(err)
		}
	}
}

// crowd opens n connections that say nothing, from several addresses, and holds
// them until leave. Those that the server closes are let go.
func (s *server) crowd(n int) (leave func()) {
	s.t.Helper()
	var held []net.Conn
	leave = func() {
		for _, c := range held {
			_ = c.Close()
		}
	}
	s.t.Cleanup(leave)
	for i := range n {
		host := net.IPv4(127, 0, byte(1+i%40), 1)
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: host}, KeepAlive: -1}
		c, err := d.DialContext(patient(s.t), "tcp", s.listen)
		if err != nil {
			s.t.Fatal(err)
		}
		held = append(held, c)
		go func() { _, _ = io.Copy(io.Discard, c) }()
	}
	return leave
}

// openFiles counts the descriptors of the server's process.
func (s *server) openFiles() int {
	s.t.Helper()
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	return len(names)
}

// lower takes descriptors from the running process.
func (s *server) lower(limit int) {
	s.t.Helper()
	l := unix.Rlimit{Cur: uint64(limit), Max: uint64(limit)}
	if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_NOFILE, &l, nil); err != nil {
		s.t.Fatal(err)
	}
}

// logged is what the server has written so far.
func (s *server) logged() string {
	s.t.Helper()
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}
