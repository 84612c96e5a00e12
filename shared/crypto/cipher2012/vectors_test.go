package cipher2012

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"sealpost/shared/vectortest"
)

var expected = map[string]error{
	"success": nil,
	"base64":  ErrBase64,
	"length":  ErrLength,
	"padding": ErrPadding,
}

// TestVectors puts every vector through decryption in one piece and in pieces
// of many sizes, and what decrypts through encryption again.
func TestVectors(t *testing.T) {
	for _, v := range vectortest.Read(t, "testdata/vectors") {
		t.Run(v.Name, func(t *testing.T) {
			want, known := expected[v.Header["expect"]]
			if !known {
				t.Fatalf("unknown expectation %q", v.Header["expect"])
			}
			key := vectorKey(t, v)
			plain, err := Decrypt(key, v.Body)
			if !errors.Is(err, want) {
				t.Fatalf("Decrypt: %v, want %v", err, want)
			}
			for _, piece := range []int{1, 2, 3, 4, 5, 7, 8, 43, 44, 64, 1000} {
				got, err := decryptPieces(key, v.Body, func() int { return piece })
				if !errors.Is(err, want) || err == nil && !bytes.Equal(got, plain) {
					t.Errorf("in pieces of %d: %v, want %v and the same bytes", piece, err, want)
				}
			}
			if want == nil {
				checkGood(t, v, key, plain)
			} else if plain != nil {
				t.Error("Decrypt returned bytes together with an error")
			}
		})
	}
}

func checkGood(t *testing.T, v vectortest.Vector, key Key, plain []byte) {
	t.Helper()
	if got := DeriveKey(v.Header["password"]); got != key {
		t.Errorf("DeriveKey = %x, want %x", got[:], key[:])
	}
	if got := fmt.Sprint(len(plain)); got != v.Header["size"] {
		t.Errorf("size %s, want %s", got, v.Header["size"])
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(plain)); got != v.Header["sha256"] {
		t.Errorf("SHA-256 %s, want %s", got, v.Header["sha256"])
	}
	if got := Encrypt(key, plain); !bytes.Equal(got, v.Body) {
		t.Errorf("encrypted again:\n%s\nwant\n%s", got, v.Body)
	}
	if got := referenceEncrypt(key, plain); !bytes.Equal(got, v.Body) {
		t.Errorf("the reference makes\n%s\nof it, want\n%s", got, v.Body)
	}
}

func vectorKey(tb testing.TB, v vectortest.Vector) Key {
	tb.Helper()
	raw, err := hex.DecodeString(v.Header["key"])
	if err != nil || len(raw) != KeySize {
		tb.Fatalf("%s: bad key", v.Name)
	}
	return Key(raw)
}

// FuzzDecrypt: what decrypts encrypts to the same text and is shorter than it,
// what does not is refused with an error of this package, and how the text is cut
// changes nothing.
func FuzzDecrypt(f *testing.F) {
	for _, v := range vectortest.Read(f, "testdata/vectors") {
		key := vectorKey(f, v)
		f.Add(key[:], v.Body, uint16(5))
	}
	f.Fuzz(func(t *testing.T, rawKey, text []byte, piece uint16) {
		var key Key
		copy(key[:], rawKey)
		plain, err := Decrypt(key, text)
		if err == nil && !bytes.Equal(Encrypt(key, plain), text) {
			t.Fatalf("%q decrypts to %q, which encrypts to another text", text, plain)
		}
		if err != nil && !isRefusal(err) || len(plain) >= max(1, len(text)) {
			t.Fatalf("%q decrypts to %d bytes, with %v", text, len(plain), err)
		}
		cut, cutErr := decryptPieces(key, text, func() int { return int(piece) + 1 })
		// A cut text can only show another one of its faults first.
		if (err == nil) != (cutErr == nil) || err == nil && !bytes.Equal(cut, plain) {
			t.Fatalf("%q in one piece: %v, in pieces of %d: %v", text, err, piece+1, cutErr)
		}
	})
}

func isRefusal(err error) bool {
	return errors.Is(err, ErrBase64) || errors.Is(err, ErrLength) || errors.Is(err, ErrPadding)
}

// FuzzEncrypt compares with the reference and goes back.
func FuzzEncrypt(f *testing.F) {
	f.Add([]byte{}, []byte{}, uint16(0))
	for _, v := range vectortest.Read(f, "testdata/vectors") {
		f.Add([]byte(v.Header["key"]), v.Body, uint16(31))
	}
	f.Fuzz(func(t *testing.T, rawKey, plain []byte, piece uint16) {
		var key Key
		copy(key[:], rawKey)
		text := encryptPieces(t, key, plain, func() int { return int(piece) + 1 })
		if want := referenceEncrypt(key, plain); !bytes.Equal(text, want) {
			t.Fatalf("%q encrypts to %q, want %q", plain, text, want)
		}
		back, err := Decrypt(key, text)
		if err != nil || !bytes.Equal(back, plain) {
			t.Fatalf("%q comes back as %q, %v", plain, back, err)
		}
	})
}
