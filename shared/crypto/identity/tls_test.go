package identity

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
)

func TestPinnedConnection(t *testing.T) {
	id, other := generate(t), generate(t)
	address, _ := serve(t, serverTLS(t, id))
	for name, pins := range map[string]Pins{"the pin": pinsOf(id), "the second of two": pinsOf(other, id)} {
		state, err := call(t, address, pins.ClientTLS())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if state.Version != tls.VersionTLS13 || state.CurveID != tls.X25519MLKEM768 || state.NegotiatedProtocol != ALPN {
			t.Errorf("%s: connected with %s, %s, %q", name, tls.VersionName(state.Version), state.CurveID,
				state.NegotiatedProtocol)
		}
	}
}

func TestWrongPin(t *testing.T) {
	id, first, second := generate(t), generate(t), generate(t)
	address, ended := serve(t, serverTLS(t, id))
	_, err := call(t, address, pinsOf(first, second).ClientTLS())
	var mismatch *MismatchError
	if !errors.As(err, &mismatch) {
		t.Fatalf("error %v, want a MismatchError", err)
	}
	want := []string{first.VerifierKey(testOrigin), second.VerifierKey(testOrigin)}
	if mismatch.Got != id.VerifierKey(testOrigin) || !slices.Equal(mismatch.Want, want) {
		t.Errorf("%+v", mismatch)
	}
	for _, key := range append(want, mismatch.Got) {
		if !strings.Contains(mismatch.Error(), key) {
			t.Errorf("the text %q lacks %s", mismatch, key)
		}
	}
	if err := <-ended; err == nil {
		t.Error("the server took the connection for a good one")
	}
}

func TestNoPins(t *testing.T) {
	address, _ := serve(t, serverTLS(t, generate(t)))
	if _, err := call(t, address, Pins(nil).ClientTLS()); !errors.Is(err, ErrNoPins) {
		t.Errorf("error %v, want ErrNoPins", err)
	}
}

// The certificate is public: showing it must not be enough.
func TestCertificateWithoutItsKey(t *testing.T) {
	id, thief := generate(t), generate(t)
	cert, err := id.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	cert.PrivateKey = thief.private()
	address, _ := serve(t, ServerTLSWith(cert))
	if _, err := call(t, address, pinsOf(id).ClientTLS()); err == nil {
		t.Error("a server without the private key was accepted")
	}
}

func TestServerRefuses(t *testing.T) {
	id := generate(t)
	address, ended := serve(t, serverTLS(t, id))
	client := func(change func(*tls.Config)) *tls.Config {
		config := pinsOf(id).ClientTLS()
		config.VerifyConnection = nil // a client less careful than ours
		change(config)
		return config
	}
	for _, c := range []struct {
		name   string
		config *tls.Config
		want   error
		alert  string // what the client is told; see also RFC 8446, section 6.2
	}{
		{"no ALPN", client(func(c *tls.Config) { c.NextProtos = nil }), ErrALPN, "no application protocol"},
		{"another ALPN", client(func(c *tls.Config) { c.NextProtos = []string{"h2", "sealpost/2"} }), ErrALPN,
			"no application protocol"},
		{"TLS 1.2", client(func(c *tls.Config) {
			c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
			c.CurvePreferences = nil
		}), nil, "protocol version not supported"},
		{"TLS 1.2 and no ALPN", client(func(c *tls.Config) {
			c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
			c.CurvePreferences, c.NextProtos = nil, nil
		}), nil, "protocol version not supported"},
		{"a curve of neither", client(func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP256} }), nil,
			"handshake failure"},
	} {
		_, err := call(t, address, c.config)
		var told *net.OpError
		if !errors.As(err, &told) || told.Op != "remote error" || told.Err.Error() != "tls: "+c.alert {
			t.Errorf("%s: the client hears %v, want %s", c.name, err, c.alert)
		}
		err = <-ended
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: the server's error is %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := call(t, address, client(func(*tls.Config) {})); err != nil {
		t.Errorf("the unchanged client is refused too: %v", err)
	}
}

func TestServerTakesClientsOfOtherLanguages(t *testing.T) {
	id := generate(t)
	address, _ := serve(t, serverTLS(t, id))
	for _, c := range []struct {
		name   string
		groups []tls.CurveID
		want   tls.CurveID
	}{
		{"X25519 alone", []tls.CurveID{tls.X25519}, tls.X25519},
		{"X25519 before the hybrid", []tls.CurveID{tls.X25519, tls.X25519MLKEM768}, tls.X25519MLKEM768},
	} {
		config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"other", ALPN}, CurvePreferences: c.groups}
		state, err := call(t, address, config)
		if err != nil || state.CurveID != c.want {
			t.Errorf("%s: %s, error %v, want %s", c.name, state.CurveID, err, c.want)
		}
	}
}

func TestClientRefuses(t *testing.T) {
	id := generate(t)
	cert, err := id.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		server *tls.Config
		want   error
	}{
		{"a server without ML-KEM",
			&tls.Config{NextProtos: []string{ALPN}, CurvePreferences: []tls.CurveID{tls.X25519}}, nil},
		{"a server without ALPN", &tls.Config{}, ErrALPN},
		{"a server of another protocol", &tls.Config{NextProtos: []string{"h2"}}, nil},
		{"a server of TLS 1.2", &tls.Config{NextProtos: []string{ALPN}, MaxVersion: tls.VersionTLS12}, nil},
	} {
		c.server.Certificates = []tls.Certificate{cert}
		address, _ := serve(t, c.server)
		_, err := call(t, address, pinsOf(id).ClientTLS())
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.want)
		}
	}
}

// The check of the outcome holds by itself, whatever was asked for.
func TestClientChecksTheOutcome(t *testing.T) {
	id := generate(t)
	address, _ := serve(t, serverTLS(t, id))
	config := pinsOf(id).ClientTLS()
	config.CurvePreferences = []tls.CurveID{tls.X25519}
	if _, err := call(t, address, config); !errors.Is(err, ErrProtocol) {
		t.Errorf("X25519 alone: error %v, want ErrProtocol", err)
	}
	for name, state := range map[string]tls.ConnectionState{
		"TLS 1.2": {Version: tls.VersionTLS12, NegotiatedProtocol: ALPN, CurveID: tls.X25519MLKEM768},
	} {
		if err := checkClient(state); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: error %v, want ErrProtocol", name, err)
		}
	}
}

func TestNoResumption(t *testing.T) {
	id := generate(t)
	address, _ := serve(t, serverTLS(t, id))
	config := pinsOf(id).ClientTLS()
	config.SessionTicketsDisabled = false
	config.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	for range 3 {
		state, err := call(t, address, config)
		if err != nil || state.DidResume {
			t.Errorf("resumed: %t, error %v", state.DidResume, err)
		}
	}
}
