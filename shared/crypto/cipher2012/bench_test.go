package cipher2012

import (
	"encoding/base64"
	"fmt"
	"io"
	"testing"
)

// BenchmarkCipher gives MB/s of message bytes (of base64 text where text is
// read) beside copying the same bytes and beside base64 alone.
func BenchmarkCipher(b *testing.B) {
	for _, size := range []int{64 << 10, 16 << 20} {
		name := fmt.Sprintf("%dKiB", size>>10)
		key := DeriveKey("password")
		plain := pattern(size)
		text := Encrypt(key, plain)
		b.Run("encrypt/"+name, func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				e := NewEncrypter(key, io.Discard)
				e.Write(plain)
				e.Close()
			}
		})
		b.Run("decrypt/"+name, func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				d := NewDecrypter(key, io.Discard)
				d.Write(text)
				if err := d.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
		benchmarkBeside(b, name, plain)
	}
}

func benchmarkBeside(b *testing.B, name string, plain []byte) {
	size := int64(len(plain))
	encoding := base64.StdEncoding
	text := make([]byte, encoding.EncodedLen(len(plain)))
	encoding.Encode(text, plain)
	out := make([]byte, len(text))
	b.Run("copy/"+name, func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			copy(out, plain)
		}
	})
	b.Run("base64-encode/"+name, func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			encoding.Encode(out, plain)
		}
	})
	b.Run("base64-decode/"+name, func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			if _, err := encoding.Decode(out, text); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7 + i>>8)
	}
	return p
}
