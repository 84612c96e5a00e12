package framing

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"sync"
)

// readBuffer is small because an idle connection keeps it. A payload that fits
// stays in it, so that a peer that stalls inside a short record, HELLO above
// all, holds no more than an idle one; a larger one is read into a pooled
// buffer that is held only while its record is handled.
const readBuffer = 4 << 10

var payloads = sync.Pool{New: func() any { b := make([]byte, MaxData); return &b }}

// Record is one record; Payload is valid until the next call of Reader.Next.
type Record struct {
	Type    Type
	Payload []byte
}

// Reader reads records. It is for one goroutine.
type Reader struct {
	src    *bufio.Reader
	small  int     // bytes of src that the last payload lies in
	pooled *[]byte // where the last payload lies, if it is a large one
	err    error
}

// NewReader reads records from r.
func NewReader(r io.Reader) *Reader {
	return &Reader{src: bufio.NewReaderSize(r, readBuffer)}
}

// Next returns the next record. io.EOF is a clean end between two records; an
// end inside one is io.ErrUnexpectedEOF; a breach of the grammar is an *Error.
func (r *Reader) Next() (Record, error) {
	if r.err != nil {
		return Record{}, r.err
	}
	r.release()
	rec, err := r.read()
	if err != nil {
		r.release()
		r.err = err
	}
	return rec, err
}

func (r *Reader) read() (Record, error) {
	header, err := r.src.Peek(HeaderSize)
	if err != nil {
		if errors.Is(err, io.EOF) && len(header) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return Record{}, err
	}
	t, n := Type(header[0]), binary.BigEndian.Uint32(header[1:])
	if err := checkLength(t, uint64(n)); err != nil {
		return Record{}, err
	}
	if _, err := r.src.Discard(HeaderSize); err != nil {
		return Record{}, err
	}
	payload, err := r.payload(int(n))
	if err != nil {
		return Record{}, err
	}
	return Record{Type: t, Payload: payload}, nil
}

func (r *Reader) payload(n int) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	var buf []byte
	var err error
	if n <= readBuffer {
		buf, err = r.src.Peek(n)
		r.small = len(buf)
	} else {
		r.pooled = payloads.Get().(*[]byte)
		buf = (*r.pooled)[:n]
		_, err = io.ReadFull(r.src, buf)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	return buf[:n:n], nil
}

// release gives up the last payload.
func (r *Reader) release() {
	_, _ = r.src.Discard(r.small) // it is all there
	r.small = 0
	if r.pooled != nil {
		payloads.Put(r.pooled)
		r.pooled = nil
	}
}

// Append appends one record to dst. It panics when a record of this type
// cannot have that payload, which is the caller's mistake and never the peer's.
func Append(dst []byte, t Type, payload []byte) []byte {
	if err := checkLength(t, uint64(len(payload))); err != nil {
		panic("framing: " + err.Error())
	}
	dst = append(dst, byte(t))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(payload)))
	return append(dst, payload...)
}

// AppendDataHeader appends the header of a DATA record of n bytes (1 to
// MaxData), so that the bytes themselves need not be copied.
func AppendDataHeader(dst []byte, n int) []byte {
	if err := checkLength(TypeData, uint64(n)); err != nil {
		panic("framing: " + err.Error())
	}
	dst = append(dst, byte(TypeData))
	return binary.BigEndian.AppendUint32(dst, uint32(n))
}
