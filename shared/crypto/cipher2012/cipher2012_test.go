package cipher2012

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestEncryptedLen(t *testing.T) {
	tests := []struct{ plain, text uint64 }{
		{0, 44}, {1, 44}, {31, 44}, {32, 88}, {63, 88}, {64, 128},
		{107, 172}, {2169, 2904},
		{1 << 30, 1431655808},
		{math.MaxUint64, math.MaxUint64},
		{math.MaxUint64/4*3 - 31, math.MaxUint64},
		{math.MaxUint64/4*3 - 32, math.MaxUint64 - 39},
	}
	for _, test := range tests {
		if got := EncryptedLen(test.plain); got != test.text {
			t.Errorf("EncryptedLen(%d) = %d, want %d", test.plain, got, test.text)
		}
	}
	for n := range 300 {
		if got := len(Encrypt(Key{}, make([]byte, n))); uint64(got) != EncryptedLen(uint64(n)) {
			t.Errorf("%d bytes make %d characters, EncryptedLen says %d", n, got, EncryptedLen(uint64(n)))
		}
	}
}

func TestDeriveKeyAgainstReference(t *testing.T) {
	for _, password := range []string{"", "a", "correct horse", "пароль", strings.Repeat("long", 100), "\x00\xff"} {
		if got := DeriveKey(password); got != Key(referenceKey(password)) {
			t.Errorf("DeriveKey(%q) = %x", password, got[:])
		}
	}
}

// TestAgainstReference compares both directions with the reference on random
// bytes, at sizes around every boundary of the buffers, in random pieces.
func TestAgainstReference(t *testing.T) {
	random := rand.New(rand.NewPCG(2012, 7))
	sizes := make([]int, 0, 300)
	for n := range 200 {
		sizes = append(sizes, n)
	}
	for _, edge := range []int{stepLen, chunkLen, pieceLen, 2 * chunkLen, 3*pieceLen + stepLen} {
		sizes = append(sizes, edge-33, edge-32, edge-1, edge, edge+1, edge+31, edge+32)
	}
	for _, size := range sizes {
		plain, key := make([]byte, size), Key{}
		fill(random, plain)
		fill(random, key[:])
		most := 1 + random.IntN(2*size+2)
		piece := func() int { return random.IntN(most + 1) } // empty ones too
		want := referenceEncrypt(key, plain)
		if got := encryptPieces(t, key, plain, piece); !bytes.Equal(got, want) {
			t.Fatalf("%d bytes, pieces up to %d: not the text of the reference", size, most)
		}
		got, err := decryptPieces(key, want, piece)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes, pieces up to %d: do not come back (%v)", size, most, err)
		}
	}
}

func TestKeyIsMasked(t *testing.T) {
	key := DeriveKey("secret")
	holder := struct{ Key Key }{key}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, value := range []any{key, holder} {
			shown := fmt.Sprintf(format, value)
			for _, raw := range []string{fmt.Sprintf("%x", key[:]), fmt.Sprint(key[:4]), fmt.Sprint(key[0], " ", key[1])} {
				if strings.Contains(shown, strings.Trim(raw, "[]")) {
					t.Errorf("%s shows the key: %s", format, shown)
				}
			}
		}
	}
}

func encryptPieces(t *testing.T, key Key, plain []byte, size func() int) []byte {
	t.Helper()
	var out bytes.Buffer
	e := NewEncrypter(key, &out)
	for len(plain) > 0 {
		piece := plain[:min(size(), len(plain))]
		if n, err := e.Write(piece); n != len(piece) || err != nil {
			t.Fatalf("Write of %d bytes: %d, %v", len(piece), n, err)
		}
		plain = plain[len(piece):]
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func decryptPieces(key Key, text []byte, size func() int) ([]byte, error) {
	var out bytes.Buffer
	d := NewDecrypter(key, &out)
	for len(text) > 0 {
		piece := text[:min(size(), len(text))]
		if n, err := d.Write(piece); err != nil {
			return nil, err
		} else if n != len(piece) {
			return nil, io.ErrShortWrite
		}
		text = text[len(piece):]
	}
	err := d.Close()
	return out.Bytes(), err
}

func fill(random *rand.Rand, p []byte) {
	for i := range p {
		p[i] = byte(random.Uint32())
	}
}
