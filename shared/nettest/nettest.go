// Package nettest has listeners for tests.
package nettest

import (
	"net"
	"testing"
)

// Listen opens a listener on a free loopback port. It is closed at the end of the test, if
// not before.
func Listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // it keeps it open until then, too
	return l
}

// Nobody returns an address that refuses connections.
func Nobody(t testing.TB) string {
	t.Helper()
	l := Listen(t)
	_ = l.Close()
	return l.Addr().String()
}
