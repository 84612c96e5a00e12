package identity

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// FuzzParsePEM: a file that holds a key is the same key when it is written
// again, and what holds none is refused without a word of it.
func FuzzParsePEM(f *testing.F) {
	id, err := Generate()
	if err != nil {
		f.Fatal(err)
	}
	good := id.PEM()
	f.Add(good)
	f.Add(good[:len(good)-2])
	f.Add(append(bytes.Clone(good), good...))
	f.Add(bytes.ReplaceAll(good, []byte("PRIVATE"), []byte("PUBLIC")))
	f.Fuzz(func(t *testing.T, data []byte) {
		id, err := ParsePEM(data)
		if err != nil {
			if !errors.Is(err, ErrPEM) && !errors.Is(err, ErrKeyType) || id != nil {
				t.Fatalf("refused with %v, and read as %v", err, id)
			}
			return
		}
		again, err := ParsePEM(id.PEM())
		if err != nil || !again.Public().Equal(id.Public()) {
			t.Fatalf("%q is written again as another key: %v", data, err)
		}
	})
}

// FuzzOrigin: a pin counts by its key. Whatever a checkpoint names as its origin
// gives a verifier of that very name, or is refused.
func FuzzOrigin(f *testing.F) {
	for _, seed := range []string{testOrigin, "", "a b", "a+b", "\xff", "sealpost/\u00a0", strings.Repeat("x", 5000)} {
		f.Add(seed)
	}
	id, err := Generate()
	if err != nil {
		f.Fatal(err)
	}
	pins := Pins{{Origin: testOrigin, Key: id.Public()}, {Origin: "other", Key: id.Public()}}
	f.Fuzz(func(t *testing.T, origin string) {
		verifiers, err := pins.Verifiers(origin)
		signer, signErr := id.Signer(origin)
		if (err == nil) != (signErr == nil) || err != nil && !(errors.Is(err, ErrOrigin) && errors.Is(signErr, ErrOrigin)) {
			t.Fatalf("%q: %v to verify, %v to sign", origin, err, signErr)
		}
		if err != nil {
			return
		}
		v, err := verifiers.Verifier(origin, signer.KeyHash())
		if err != nil || v.Name() != origin {
			t.Fatalf("%q has no verifier: %v", origin, err)
		}
	})
}
