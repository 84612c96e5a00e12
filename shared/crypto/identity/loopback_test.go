package identity

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"sealpost/shared/nettest"
)

// patience bounds a test's wait on the network; nothing waits for it to pass.
const patience = 2 * time.Minute

// serve takes one connection after another, sends each client one byte back,
// and reports how the server's side of each ended.
func serve(t *testing.T, config *tls.Config) (address string, ended <-chan error) {
	t.Helper()
	listener := nettest.Listen(t)
	results := make(chan error, 8)
	go func() {
		for {
			raw, err := listener.Accept()
			if err != nil {
				return
			}
			results <- echo(tls.Server(raw, config))
		}
	}()
	return listener.Addr().String(), results
}

func echo(conn *tls.Conn) error {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	var b [1]byte
	if _, err := io.ReadFull(conn, b[:]); err != nil {
		return err
	}
	_, err := conn.Write(b[:])
	return err
}

// call connects and passes a byte there and back. A server may refuse a client
// after the client's handshake is done, so only the byte that came back counts.
func call(t *testing.T, address string, config *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	raw, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(patience))
	if config.ServerName == "" && !config.InsecureSkipVerify {
		t.Fatal("the test would check no name")
	}
	conn := tls.Client(raw, config)
	if err := conn.Handshake(); err != nil {
		return tls.ConnectionState{}, err
	}
	if _, err := conn.Write([]byte{7}); err != nil {
		return tls.ConnectionState{}, err
	}
	var b [1]byte
	if _, err := io.ReadFull(conn, b[:]); err != nil {
		return tls.ConnectionState{}, err
	}
	return conn.ConnectionState(), nil
}

func serverTLS(t *testing.T, id *Identity) *tls.Config {
	t.Helper()
	config, err := id.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func pinsOf(ids ...*Identity) Pins {
	var pins Pins
	for _, id := range ids {
		pins = append(pins, Pin{Origin: testOrigin, Key: id.Public()})
	}
	return pins
}
