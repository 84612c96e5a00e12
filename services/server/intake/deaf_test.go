package intake_test

import (
	"net"
	"syscall"
	"testing"
	"time"

	"sealpost/services/server/intake"
)

// A peer that takes no answers is cut off after Write.
func TestAnswersNotTaken(t *testing.T) {
	t.Parallel()
	s := start(t, options{limits: intake.Limits{Write: 4 * time.Second}, listen: smallBuffers})
	p := s.deaf(t)
	var all []byte // written at once: the server cuts off who is still at it
	for range 100 {
		all = append(all, p.whole(plain("a.txt", []byte("a")))...)
	}
	p.write(all)
	s.wantClosed(t, "answers not taken")
	p.wantCutAfterAnswers()
	s.goesOn(t)
}

// deaf connects with hardly any room for answers.
func (s *server) deaf(t *testing.T) *peer {
	t.Helper()
	p, err := s.handshake(t, s.dialDeaf(t))
	check(t, err)
	p.login()
	return p
}

func (s *server) dialDeaf(t *testing.T) net.Conn {
	t.Helper()
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if e := c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
		}); e != nil {
			return e
		}
		return err
	}}
	raw, err := d.DialContext(t.Context(), "tcp", s.addr)
	check(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	return raw
}

// wantCutAfterAnswers reads the answers that got through and then the end.
func (p *peer) wantCutAfterAnswers() {
	p.t.Helper()
	for {
		if _, err := p.read(); err != nil {
			wantEnded(p.t, err)
			return
		}
	}
}

// smallBuffers gives accepted connections hardly any room for answers.
func smallBuffers(ln net.Listener) net.Listener { return cramped{ln} }

type cramped struct{ net.Listener }

func (l cramped) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return narrow{conn}, conn.(*net.TCPConn).SetWriteBuffer(4096)
}

// narrow is a connection whose buffers stay as they are.
type narrow struct{ net.Conn }
