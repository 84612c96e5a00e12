package cipher2012

import (
	"encoding/base64"
	"io"
	"sync"
)

// quad is the number of characters that base64 makes of three bytes.
const quad = 4

// chunkLen bounds what is written at once, in bytes.
const chunkLen = 48 << 10

// chunk has two bytes more: the last of three may be the one that fills it.
type chunk [chunkLen + 2]byte

// strict refuses bits that are set beneath the padding.
var strict = base64.StdEncoding.Strict()

// chunks keeps buffers between messages, as pieces does for the other way.
var chunks = sync.Pool{New: func() any { return new(chunk) }}

// Decrypter deciphers base64 text as it comes.
type Decrypter struct {
	w     io.Writer
	key   keyWords
	held  [quad]byte // the last characters so far, one quad at most
	have  int        // characters in held
	buf   *chunk     // plain blocks, then less than a block that is still enciphered
	full  int        // bytes in buf
	plain int        // bytes of buf that are plain
	done  error
}

// NewDecrypter returns a writer of base64 text, in pieces of any size, that
// writes the plain bytes to w in pieces of at most 48 KiB. The last block
// stays back until Close has checked its padding, so w never gets a byte of
// padding; what it gets before Close returned nil may belong to a text that
// turns out to be wrong. The errors are [ErrBase64], [ErrLength], [ErrPadding]
// and those of w; after one of them the Decrypter stays failed. Close does not
// close w.
func NewDecrypter(key Key, w io.Writer) *Decrypter {
	return &Decrypter{w: w, key: key.words().reversed()}
}

// Write deciphers text.
func (d *Decrypter) Write(text []byte) (int, error) {
	written := 0
	for len(text) > 0 {
		if d.done != nil {
			return written, d.done
		}
		n := d.take(text)
		if d.done == nil && d.full >= chunkLen {
			d.flush()
		}
		if d.done != nil {
			return written, d.done
		}
		written += n
		text = text[n:]
	}
	return written, d.done
}

// take decodes some of text, at least one character, and returns how many. The
// last quad is always held back: it may be the end, and only the end may have
// padding characters. As every quad has a byte of the block that it ends in,
// the last block cannot be complete before Close.
func (d *Decrypter) take(text []byte) int {
	if d.have == quad {
		d.have = 0
		d.decode(d.held[:])
		return 0
	}
	if most := (len(text) - 1) / quad * quad; d.have == 0 && most > 0 {
		n := min(most, (chunkLen+2-d.full)/3*quad)
		d.decode(text[:n])
		return n
	}
	n := copy(d.held[d.have:], text)
	d.have += n
	return n
}

// decode decodes whole quads that are not the end of the text.
func (d *Decrypter) decode(quads []byte) {
	if d.done = d.decodeWith(base64.StdEncoding, quads, len(quads)/quad*3); d.done == nil {
		d.open()
	}
}

// decodeWith decodes quads that must give want bytes. Go's decoder skips CR and
// LF, and it accepts padding at the end of what it is given; both show in
// fewer bytes.
func (d *Decrypter) decodeWith(encoding *base64.Encoding, quads []byte, want int) error {
	if d.buf == nil {
		d.buf = chunks.Get().(*chunk)
	}
	n, err := encoding.Decode(d.buf[d.full:], quads)
	if err != nil || n != want {
		return ErrBase64
	}
	d.full += n
	return nil
}

// open deciphers the whole blocks of the buffer that are still enciphered.
func (d *Decrypter) open() {
	end := d.full / BlockSize * BlockSize
	fresh := d.buf[d.plain:end]
	d.key.seal(fresh, fresh)
	d.plain = end
}

// flush writes the plain bytes and moves the rest to the front.
func (d *Decrypter) flush() {
	_, d.done = d.w.Write(d.buf[:d.plain])
	d.full = copy(d.buf[:], d.buf[d.plain:d.full])
	d.plain = 0
}

// Close checks the end of the text and the padding, and writes the rest of the
// message. It does not close w.
func (d *Decrypter) Close() error {
	if d.done == ErrClosed {
		return nil
	}
	if d.done == nil {
		d.done = d.finish()
	}
	if d.buf != nil {
		chunks.Put(d.buf)
		d.buf = nil
	}
	if d.done != nil {
		return d.done
	}
	d.done = ErrClosed
	return nil
}

func (d *Decrypter) finish() error {
	if d.have == 0 {
		return ErrLength
	}
	if err := d.decodeEnd(); err != nil {
		return err
	}
	d.open()
	if d.plain != d.full {
		return ErrLength
	}
	pad := d.buf[d.plain-1]
	if pad < 1 || pad > BlockSize {
		return ErrPadding
	}
	for _, b := range d.buf[d.plain-int(pad) : d.plain] {
		if b != pad {
			return ErrPadding
		}
	}
	if d.plain -= int(pad); d.plain > 0 {
		if _, err := d.w.Write(d.buf[:d.plain]); err != nil {
			return err
		}
	}
	return nil
}

// decodeEnd decodes the last quad, which must have zero bits under its padding.
func (d *Decrypter) decodeEnd() error {
	if d.have != quad {
		return ErrBase64
	}
	want := 3
	for _, c := range d.held[1:] {
		if c == '=' {
			want--
		}
	}
	return d.decodeWith(strict, d.held[:], want)
}
