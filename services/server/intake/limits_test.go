package intake_test

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"sealpost/services/server/intake"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/crypto/token"
	"sealpost/shared/framing"
)

// Connections over a limit are closed at once; those that are open stay, and a
// place is free again after a close. Both wires count together.
func TestConnectionLimits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		limits intake.Limits
	}{
		{"in all", intake.Limits{Connections: 3}},
		{"per address", intake.Limits{ConnectionsPerAddress: 3}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{limits: test.limits}) // the bystander is the first
			second := s.connect(t)
			third := s.dialRaw(t, s.addr2012, "")
			_, err := third.Write(make([]byte, cipher2012.KeySize))
			check(t, err)
			s.logs.wait(t, 1, fields{"message": "client connected from " + third.LocalAddr().String()})
			if _, err := s.handshake(t, s.dialRaw(t, s.addr, "")); err == nil {
				t.Fatal("one connection more than the limit was taken")
			}
			s.wantClosed(t, "busy")
			wantEnded(t, readEnd(s.dialRaw(t, s.addr2012, "")))
			s.logs.wait(t, 2, fields{"message": "connection closed", "reason": "busy", "error": "too many connections"})

			s.bystander.deliver(plain("bystander.txt", []byte("still here")))
			second.deliver(plain("second.txt", []byte("still here")))
			check(t, second.conn.Close())
			s.comesIn(t)
		})
	}
}

// comesIn connects as soon as there is a place, and delivers. The server frees
// a place a moment after its peer can see the end of that connection.
func (s *server) comesIn(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		p, err := s.handshake(t, s.dialRaw(t, s.addr, ""))
		if err == nil {
			p.login()
			p.deliver(plain("newcomer.txt", []byte("there was a place")))
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no place became free: %v", err)
		}
	}
}

// The limit per address leaves other addresses alone.
func TestOtherAddress(t *testing.T) {
	t.Parallel()
	s := start(t, options{limits: intake.Limits{ConnectionsPerAddress: 1}})
	if _, err := s.handshake(t, s.dialRaw(t, s.addr, "")); err == nil {
		t.Fatal("a second connection of one address was taken")
	}
	p, err := s.handshake(t, s.dialRaw(t, s.addr, "127.0.0.2"))
	check(t, err)
	p.login()
	p.deliver(plain("other.txt", []byte("from another address")))
	s.wantClosed(t, "busy")
}

// asked tells a test of each token that was looked at.
type asked struct {
	intake.Senders
	answers chan bool
}

func (a asked) Authenticate(tok string) (string, bool) {
	sender, ok := a.Senders.Authenticate(tok)
	a.answers <- ok
	return sender, ok
}

// After a few failed log-ins of an address the answer to each further one
// waits, here for an hour. A valid token from the same address never does.
func TestLoginDelay(t *testing.T) {
	t.Parallel()
	const free, delayed = 3, 10
	answers := make(chan bool, 100)
	s := start(t, options{
		limits:  intake.Limits{LoginDelay: time.Hour},
		senders: func(st intake.Senders) intake.Senders { return asked{st, answers} },
	})
	receive(t, answers, "the bystander's log-in")
	wrong, err := token.New("store-17")
	check(t, err)
	var waiting []*peer
	for i := range free + delayed {
		p := s.dial(t)
		p.write(framing.AppendHello(nil, wrong.Reveal()))
		if receive(t, answers, "a log-in") {
			t.Fatal("a wrong token was taken")
		}
		if i < free {
			p.wantClose(framing.CodeUnauthenticated)
		} else {
			waiting = append(waiting, p)
		}
	}
	s.goesOn(t)
	s.logs.wait(t, free, fields{"reason": "unauthenticated"})
	if n := s.logs.count(fields{"reason": "unauthenticated"}); n != free {
		t.Errorf("%d failed log-ins were answered instead of %d", n, free)
	}
	// What waits is let go with the server, and hears the same as the others.
	ended, _ := s.shutdown(t)
	for _, p := range waiting {
		p.wantClose(framing.CodeUnauthenticated)
		check(t, p.conn.Close())
	}
	check(t, s.bystander.conn.Close())
	check(t, receive(t, ended, "Shutdown"))
}

// short runs out of file descriptors a few times before it accepts.
type short struct {
	net.Listener
	times *int
}

func (l short) Accept() (net.Conn, error) {
	if *l.times > 0 {
		*l.times--
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

// Running out of file descriptors ends no listener; another error does.
func TestOutOfDescriptors(t *testing.T) {
	t.Parallel()
	s := start(t, options{listen: func(ln net.Listener) net.Listener { return short{ln, new(2)} }})
	s.logs.wait(t, 4, fields{"level": "warn", "message": "no connection can be accepted now"})
	s.goesOn(t)
}

func TestListenerFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	s := start(t, options{alone: true, listen: func(ln net.Listener) net.Listener {
		_ = ln.Close()
		return failing{ln, broken}
	}})
	for range 2 {
		if err := receive(t, s.served, "Serve"); !errors.Is(err, broken) {
			t.Errorf("Serve returned %v", err)
		}
	}
	check(t, s.intake.Shutdown(context.Background()))
}

type failing struct {
	net.Listener
	err error
}

func (l failing) Accept() (net.Conn, error) { return nil, l.err }
