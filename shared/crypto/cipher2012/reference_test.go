package cipher2012

import (
	"bytes"
	"crypto/sha256"
)

// The reference: the definition of 2012 read aloud, a byte at a time, with
// nothing of the package and nothing of encoding/base64 in it.

func referenceKey(password string) [32]byte {
	h := sha256.Sum256([]byte(password))
	for range 20 {
		h = sha256.Sum256([]byte(string(h[:]) + password))
	}
	return h
}

func referenceEncrypt(key [32]byte, plain []byte) []byte {
	padded := bytes.Clone(plain)
	n := 32 - len(plain)%32
	for range n {
		padded = append(padded, byte(n))
	}
	out := make([]byte, len(padded))
	for start := 0; start < len(padded); start += 32 {
		for i := range 32 {
			out[start+i] = padded[start+31-i] ^ key[i]
		}
	}
	return referenceBase64(out)
}

// referenceBase64 walks over the bits, six at a time.
func referenceBase64(in []byte) []byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var out []byte
	for bit := 0; bit < 8*len(in); bit += 6 {
		index := 0
		for i := bit; i < bit+6; i++ {
			index <<= 1
			if i < 8*len(in) {
				index |= int(in[i/8]>>(7-i%8)) & 1
			}
		}
		out = append(out, alphabet[index])
	}
	for len(out)%4 != 0 {
		out = append(out, '=')
	}
	return out
}
