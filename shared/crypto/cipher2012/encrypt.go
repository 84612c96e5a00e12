package cipher2012

import (
	"encoding/base64"
	"io"
	"sync"
)

// stepLen is the number of bytes enciphered and encoded at once: a multiple of
// the block and of the three bytes that base64 makes four characters of, small
// enough to stay in the processor's first cache between the two. A piece of
// text is a whole number of steps.
const (
	stepLen  = 3 << 10
	pieceLen = 64 << 10
)

// pieces keeps text buffers between messages: making and clearing one costs as
// much as enciphering what fits in it.
var pieces = sync.Pool{New: func() any { return new([pieceLen]byte) }}

type encrypter struct {
	w    io.Writer
	key  keyWords
	part [BlockSize]byte // plain bytes of a block that is not full yet
	have int             // bytes in part
	step [stepLen]byte   // enciphered blocks
	full int             // bytes in step
	text *[pieceLen]byte // nil before the first byte and after Close
	used int             // characters in text
	done error
}

// NewEncrypter returns a writer of plain bytes that writes their base64 text
// to w, in pieces of 64 KiB. Close pads the last block and writes what is
// left; it does not close w. After an error of w the writer stays failed, and
// Close returns that error.
func NewEncrypter(key Key, w io.Writer) io.WriteCloser {
	return &encrypter{w: w, key: key.words()}
}

func (e *encrypter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		if e.done != nil {
			return written, e.done
		}
		n := e.take(p)
		if e.full == stepLen {
			e.encode()
		}
		if e.used == pieceLen {
			e.flush()
		}
		if e.done != nil {
			return written, e.done
		}
		written += n
		p = p[n:]
	}
	return written, e.done
}

// take enciphers some of p, at least one byte of it, and returns how many.
func (e *encrypter) take(p []byte) int {
	if e.have == 0 && len(p) >= BlockSize {
		n := min(len(p)/BlockSize*BlockSize, stepLen-e.full)
		e.seal(p[:n])
		return n
	}
	n := copy(e.part[e.have:], p)
	if e.have += n; e.have == BlockSize {
		e.seal(e.part[:])
		e.have = 0
	}
	return n
}

// seal enciphers whole blocks that fit in what is left of the step.
func (e *encrypter) seal(blocks []byte) {
	e.key.seal(e.step[e.full:e.full+len(blocks)], blocks)
	e.full += len(blocks)
}

// encode turns the step into text. Only the last step has a length that is no
// multiple of three, so only the text's end has padding characters.
func (e *encrypter) encode() {
	if e.text == nil {
		e.text = pieces.Get().(*[pieceLen]byte)
	}
	base64.StdEncoding.Encode(e.text[e.used:], e.step[:e.full])
	e.used += base64.StdEncoding.EncodedLen(e.full)
	e.full = 0
}

func (e *encrypter) flush() {
	_, e.done = e.w.Write(e.text[:e.used])
	e.used = 0
}

func (e *encrypter) Close() error {
	if e.done == ErrClosed {
		return nil
	}
	if e.done == nil {
		e.finish()
	}
	if e.text != nil {
		pieces.Put(e.text)
		e.text = nil
	}
	if e.done != nil {
		return e.done
	}
	e.done = ErrClosed
	return nil
}

// finish pads the last block. There is room for it: Write leaves neither a
// full step nor a full piece behind.
func (e *encrypter) finish() {
	pad := BlockSize - e.have
	for i := e.have; i < BlockSize; i++ {
		e.part[i] = byte(pad)
	}
	e.seal(e.part[:])
	e.encode()
	e.flush()
}
