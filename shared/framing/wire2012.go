package framing

import (
	"errors"
	"io"
)

// KeySize2012 is the number of key bytes that open a connection of the 2012
// wire. What follows, up to the end of the stream, is base64 text. There is no
// framing and no answer.
const KeySize2012 = 32

// ReadKey2012 reads the key. A stream that ends before 32 bytes, even at once,
// is io.ErrUnexpectedEOF: this wire has no clean end before its text.
func ReadKey2012(r io.Reader) (key [KeySize2012]byte, err error) {
	if _, err = io.ReadFull(r, key[:]); errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return key, err
}
