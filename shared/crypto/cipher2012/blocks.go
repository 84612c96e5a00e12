package cipher2012

import (
	"encoding/binary"
	"math/bits"
)

// keyWords is a key as four words in the byte order of the loads below. Any
// order would do as long as all three agree; little-endian costs nothing on
// the machines this runs on.
type keyWords [4]uint64

func (k Key) words() keyWords {
	var w keyWords
	for i := range w {
		w[i] = binary.LittleEndian.Uint64(k[8*i:])
	}
	return w
}

// seal enciphers the whole blocks of src into dst, which is as long and may be
// the same memory. To reverse 32 bytes is to reverse the order of four words
// and the bytes in each.
func (k *keyWords) seal(dst, src []byte) {
	k0, k1, k2, k3 := k[0], k[1], k[2], k[3]
	for len(src) >= BlockSize && len(dst) >= BlockSize {
		s, d := src[:BlockSize:BlockSize], dst[:BlockSize:BlockSize]
		a := binary.LittleEndian.Uint64(s[0:8])
		b := binary.LittleEndian.Uint64(s[8:16])
		c := binary.LittleEndian.Uint64(s[16:24])
		e := binary.LittleEndian.Uint64(s[24:32])
		binary.LittleEndian.PutUint64(d[0:8], bits.ReverseBytes64(e)^k0)
		binary.LittleEndian.PutUint64(d[8:16], bits.ReverseBytes64(c)^k1)
		binary.LittleEndian.PutUint64(d[16:24], bits.ReverseBytes64(b)^k2)
		binary.LittleEndian.PutUint64(d[24:32], bits.ReverseBytes64(a)^k3)
		src, dst = src[BlockSize:], dst[BlockSize:]
	}
}

// reversed returns the key with which seal deciphers: reversing after the XOR
// is reversing before it, with the key reversed.
func (k keyWords) reversed() keyWords {
	return keyWords{
		bits.ReverseBytes64(k[3]), bits.ReverseBytes64(k[2]),
		bits.ReverseBytes64(k[1]), bits.ReverseBytes64(k[0]),
	}
}
