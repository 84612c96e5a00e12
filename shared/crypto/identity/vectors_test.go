package identity

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"sealpost/shared/vectortest"
)

// TestPinVectors reads every list of verifier keys, writes it in its one
// spelling and reads that again, and forms from each key what opens notes.
func TestPinVectors(t *testing.T) {
	for _, v := range vectortest.Read(t, "testdata/pins") {
		t.Run(v.Name, func(t *testing.T) {
			pins, err := ParsePins(string(v.Body))
			switch v.Header["expect"] {
			case "success":
				if err != nil {
					t.Fatal(err)
				}
				checkPins(t, v, pins)
			case "malformed":
				if !errors.Is(err, ErrPins) || pins != nil {
					t.Errorf("%q, %v, want ErrPins", pins, err)
				}
			default:
				t.Errorf("unknown expectation %q", v.Header["expect"])
			}
		})
	}
}

func checkPins(t *testing.T, v vectortest.Vector, pins Pins) {
	t.Helper()
	var keys []string
	for _, pin := range pins {
		keys = append(keys, hex.EncodeToString(pin.Key))
	}
	if strings.Join(keys, ",") != v.Header["keys"] || pins.String() != v.Header["spelling"] {
		t.Errorf("%s, which is %s", pins, keys)
	}
	if again, err := ParsePins(pins.String()); err != nil || again.String() != pins.String() {
		t.Errorf("read again: %s, %v", again, err)
	}
	for _, pin := range pins {
		verifiers, err := pins.Verifiers(pin.Origin)
		if err != nil {
			t.Fatal(err)
		}
		hash, err := strconv.ParseUint(strings.Split(pin.String(), "+")[1], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verifiers.Verifier(pin.Origin, uint32(hash)); err != nil {
			t.Errorf("%s opens no note of its own name and hash: %v", pin, err)
		}
	}
}

// TestCertificateVectors compares the key in every certificate with the pin, and
// has a server show it to a client. Who holds the leaf's key shows it, so that
// nothing but the client's look at the certificate keeps it out.
func TestCertificateVectors(t *testing.T) {
	for _, v := range vectortest.Read(t, "testdata/certificates") {
		t.Run(v.Name, func(t *testing.T) {
			pins, err := ParsePins(v.Header["pin"])
			if err != nil {
				t.Fatal(err)
			}
			if got := lookAt(t, v, pins); got != v.Header["expect"] {
				t.Errorf("%s, want %s", got, v.Header["expect"])
			}
			seed, err := hex.DecodeString(v.Header["holder"])
			if err != nil {
				t.Fatal(err)
			}
			shown := tls.Certificate{Certificate: [][]byte{v.Body}, PrivateKey: ed25519.NewKeyFromSeed(seed)}
			address, _ := serve(t, ServerTLSWith(shown))
			if _, err := call(t, address, pins.ClientTLS()); (err == nil) != (v.Header["expect"] == "success") {
				t.Errorf("a connection: %v", err)
			}
		})
	}
}

// lookAt says what a client makes of a certificate.
func lookAt(t *testing.T, v vectortest.Vector, pins Pins) string {
	t.Helper()
	leaf, err := x509.ParseCertificate(v.Body)
	if err != nil {
		return "malformed"
	}
	key, _ := leaf.PublicKey.(ed25519.PublicKey)
	if len(leaf.RawSubjectPublicKeyInfo) != 44 {
		key = nil
	}
	if got := hex.EncodeToString(key); got != v.Header["key"] {
		t.Errorf("the key is %q, want %q", got, v.Header["key"])
	}
	err = pins.check([]*x509.Certificate{leaf})
	switch {
	case err == nil:
		return "success"
	case errors.As(err, new(*MismatchError)):
		return "mismatch"
	}
	return fmt.Sprint(err)
}
