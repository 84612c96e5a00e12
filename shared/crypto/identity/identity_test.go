package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

const testOrigin = "sealpost/00112233445566778899aabbccddeeff"

func generate(t *testing.T) *Identity {
	t.Helper()
	id, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestPEMRoundTrip(t *testing.T) {
	id := generate(t)
	again, err := ParsePEM(id.PEM())
	if err != nil {
		t.Fatal(err)
	}
	if !again.Public().Equal(id.Public()) || !bytes.Equal(again.PEM(), id.PEM()) {
		t.Error("the key read back is another")
	}
}

func TestParsePEMRefuses(t *testing.T) {
	good := generate(t).PEM()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"empty", nil, ErrPEM},
		{"no PEM", []byte("hello"), ErrPEM},
		{"two blocks", bytes.Repeat(good, 2), ErrPEM},
		{"bytes after the block", append(bytes.Clone(good), 'x'), ErrPEM},
		{"another label", bytes.ReplaceAll(good, []byte("PRIVATE"), []byte("PUBLIC")), ErrPEM},
		{"no key inside", pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: []byte("key")}), ErrPEM},
		{"an ECDSA key", pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), ErrKeyType},
	} {
		if _, err := ParsePEM(c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.want)
		}
	}
}

func TestPrintingShowsNoSecret(t *testing.T) {
	id := generate(t)
	seed := id.private().Seed()
	holder := struct{ hidden *Identity }{id}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, value := range []any{id, *id, holder, []*Identity{id}} {
			text := fmt.Sprintf(format, value)
			for _, secret := range []string{string(seed), fmt.Sprintf("%x", seed), fmt.Sprintf("%d", seed[:8])} {
				if strings.Contains(text, strings.Trim(secret, "[]")) {
					t.Errorf("%s of %T shows the private key", format, value)
				}
			}
		}
	}
}

func TestSignerAndVerifiers(t *testing.T) {
	id, other := generate(t), generate(t)
	signer, err := id.Signer(testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: testOrigin + "\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	// The pin bears another origin and stands twice: neither matters.
	pins := Pins{{"elsewhere", other.Public()}, {"sealpost/old", id.Public()}, {"sealpost/new", id.Public()}}
	verifiers, err := pins.Verifiers(testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(signed, verifiers); err != nil {
		t.Errorf("opened with its own key: %v", err)
	}
	strangers, err := pins[:1].Verifiers(testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	var unverified *note.UnverifiedNoteError
	if _, err := note.Open(signed, strangers); !errors.As(err, &unverified) {
		t.Errorf("opened with another key: error %v, want %T", err, unverified)
	}
}

func TestOriginThatIsNoName(t *testing.T) {
	id := generate(t)
	for _, origin := range []string{"", "a b", "a+b", "a\nb", "\xff"} {
		if _, err := id.Signer(origin); !errors.Is(err, ErrOrigin) {
			t.Errorf("Signer(%q): error %v, want ErrOrigin", origin, err)
		}
		if _, err := (Pins{{Key: id.Public()}}).Verifiers(origin); !errors.Is(err, ErrOrigin) {
			t.Errorf("Verifiers(%q): error %v, want ErrOrigin", origin, err)
		}
	}
}

func TestCertificateIsTheSameEveryTime(t *testing.T) {
	id := generate(t)
	again, err := ParsePEM(id.PEM())
	if err != nil {
		t.Fatal(err)
	}
	first, err := id.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	second, err := again.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Certificate[0], second.Certificate[0]) {
		t.Error("two certificates of one identity differ")
	}
	if err := first.Leaf.CheckSignature(first.Leaf.SignatureAlgorithm, first.Leaf.RawTBSCertificate,
		first.Leaf.Signature); err != nil {
		t.Errorf("not signed by its own key: %v", err)
	}
}
