package admin

import (
	"errors"
	"net"
	"testing"

	"sealpost/shared/nettest"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Who finds no place waits until another connection is closed, or the listener.
func TestPlaces(t *testing.T) {
	ln := nettest.Listen(t)
	p := newPlaces(ln, 1)
	for range 2 {
		c, err := net.Dial("tcp", ln.Addr().String())
		check(t, err)
		defer c.Close()
	}
	first, err := p.Accept()
	check(t, err)
	accepted := make(chan error, 1)
	go func() {
		_, err := p.Accept()
		accepted <- err
		_, err = p.Accept()
		accepted <- err
	}()
	if len(p.taken) != cap(p.taken) || len(accepted) > 0 {
		t.Fatal("there is another place")
	}
	check(t, first.Close())
	_ = first.Close() // gives no second place
	check(t, <-accepted)
	check(t, p.Close())
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}
