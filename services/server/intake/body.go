package intake

import (
	"io"

	"sealpost/services/server/logbook"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/framing"
	"sealpost/shared/message"
)

// body opens the bytes of one message and gives them to a staged one.
type body interface {
	io.Writer
	// end checks that the bytes were whole.
	end() error
}

func newBody(cipher message.Cipher, staged logbook.Staged) body {
	if cipher == message.Cipher2012 {
		return &body2012{staged: staged}
	}
	if kept := staged.Kept(); kept > 0 {
		return &resumedBody{staged: staged, again: min(kept, framing.InitialWindow)}
	}
	return plainBody{staged}
}

// bodySize is the number of bytes that travel.
func bodySize(d logbook.Draft) uint64 {
	if d.Cipher == message.Cipher2012 {
		return cipher2012.KeySize + d.EncryptedSize
	}
	return d.Size
}

type plainBody struct{ staged logbook.Staged }

func (b plainBody) Write(p []byte) (int, error) { return b.staged.Write(p) }
func (b plainBody) end() error                  { return nil }

// resumedBody is a body of which the logbook has a part: its first bytes, which
// travel again, are compared, and the others go behind the part.
type resumedBody struct {
	staged logbook.Staged
	again  uint64 // bytes that come again
	come   uint64
}

func (b *resumedBody) Write(p []byte) (int, error) {
	again := min(uint64(len(p)), b.again-min(b.come, b.again))
	if again > 0 {
		if err := b.staged.Compare(p[:again], b.come); err != nil {
			return 0, err
		}
	}
	b.come += uint64(len(p))
	if again == uint64(len(p)) {
		return len(p), nil
	}
	return b.staged.Write(p[again:])
}

func (b *resumedBody) end() error { return nil }

// body2012 takes the key and then the base64 text, as on the 2012 wire.
type body2012 struct {
	staged  logbook.Staged
	key     cipher2012.Key
	have    int // bytes of the key
	opening *cipher2012.Decrypter
}

func (b *body2012) Write(p []byte) (int, error) {
	n := copy(b.key[b.have:], p)
	b.have += n
	if n == len(p) {
		return n, nil
	}
	if b.opening == nil {
		b.opening = cipher2012.NewDecrypter(b.key, b.staged)
	}
	if _, err := b.staged.WriteCiphertext(p[n:]); err != nil {
		return n, err
	}
	if _, err := b.opening.Write(p[n:]); err != nil {
		return n, err
	}
	return len(p), nil
}

func (b *body2012) end() error {
	if b.opening == nil {
		return cipher2012.ErrLength
	}
	return b.opening.Close()
}
