package intake_test

import (
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// accepting hands each connection to a test as it is accepted.
type accepting struct {
	net.Listener
	conns chan *net.TCPConn
}

func (l accepting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.conns <- conn.(*net.TCPConn)
	}
	return conn, err
}

// What the kernel holds for a peer that takes no answers does not grow.
func TestSocketBuffersAreBounded(t *testing.T) {
	t.Parallel()
	conns := make(chan *net.TCPConn, 1)
	s := start(t, options{alone: true, listen: func(ln net.Listener) net.Listener { return accepting{ln, conns} }})
	p := s.deaf(t)
	conn := receive(t, conns, "the connection")
	var all []byte
	for range 250 {
		all = append(all, p.whole(plain("a.txt", []byte("a")))...)
	}
	p.write(all)
	s.await(t, "answers", func() bool { return s.metric(t, "sealpost_messages_total", "kept sealpost") >= 100 })
	room, queued := sendBuffer(t, conn)
	t.Logf("%d bytes wait in the kernel, which holds %d at most", queued, room)
	const most = 2 * 128 << 10
	if room > most || queued > most {
		t.Errorf("the kernel holds %d bytes, and up to %d", queued, room)
	}
}

// sendBuffer returns what the kernel would hold of what was written to conn, and
// what it holds now.
func sendBuffer(t *testing.T, conn syscall.Conn) (room, queued int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	check(t, err)
	var failed error
	check(t, raw.Control(func(fd uintptr) {
		if room, failed = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF); failed == nil {
			queued, failed = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
		}
	}))
	check(t, failed)
	return room, queued
}
