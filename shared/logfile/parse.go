package logfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"sealpost/shared/message"
)

// MaxHeader bounds the header of a log file, in bytes.
const MaxHeader = 8 << 10

// Errors of this package. [Parse] wraps the first three, what the reader of a
// [File] or the writer of [WrapBase64] returns is the bare error.
var (
	ErrHeader  = errors.New("log file: the header is not one")
	ErrSize    = errors.New("log file: the size is not the one that the header declares")
	ErrTrailer = errors.New("log file: the lines after the message are not where they must be")
	ErrWrap    = errors.New("log file: the base64 text is not in lines of 76 characters")
	ErrClosed  = errors.New("write after close")
)

var errEncryptedSize = errors.New(`the encrypted size must be 0 with cipher "none", and with no other`)

// File is a parsed log file. Its parts are read from the reader given to
// [Parse], so they are no more than that reader holds.
type File struct {
	Head                   // ReceivedAt is read as if it were in UTC
	CiphertextLeftOut bool // the message was enciphered, the file does not show it

	r      io.ReaderAt
	layout Layout
}

// Parse reads the header of a log file of size bytes and checks that the parts
// it declares make up the whole file. It reads at most [MaxHeader] bytes at
// the start and the few bytes after the message; the message and the base64
// text stay unread. The errors are [ErrHeader], [ErrSize], [ErrTrailer] and
// those of r, io.ErrUnexpectedEOF where r holds fewer bytes than size.
func Parse(r io.ReaderAt, size int64) (*File, error) {
	if size < 0 {
		return nil, fmt.Errorf("%w: it is negative", ErrSize)
	}
	start, err := readAt(r, 0, min(size, MaxHeader))
	if err != nil {
		return nil, err
	}
	f, err := parseHeader(start, size)
	if err != nil {
		return nil, err
	}
	f.r = r
	if f.layout.FileSize() != size {
		return nil, fmt.Errorf("%w: %d, not %d bytes", ErrSize, size, f.layout.FileSize())
	}
	want := f.layout.Trailer()
	got, err := readAt(r, f.layout.CipherOffset()-int64(len(want)), int64(len(want)))
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(got, want) {
		return nil, ErrTrailer
	}
	return f, nil
}

// Plain returns a reader of the message, byte for byte as it was sent.
func (f *File) Plain() *io.SectionReader {
	return io.NewSectionReader(f.r, f.layout.PlainOffset(), int64(f.Size))
}

// Ciphertext returns a reader of the base64 text without its line ends, or nil
// where the file has none. It returns [ErrWrap] where a line end is missing.
func (f *File) Ciphertext() io.Reader {
	if !f.layout.HasCiphertext() {
		return nil
	}
	at := f.layout.CipherOffset()
	section := io.NewSectionReader(f.r, at, f.layout.FileSize()-at)
	return &unwrapper{r: bufio.NewReader(section), left: f.EncryptedSize}
}

// parseHeader reads the header that start begins with. It takes the lines one
// by one and then compares the header with the one that a [Layout] makes of
// them, so that there is one form only.
func parseHeader(start []byte, size int64) (*File, error) {
	f := new(File)
	lines := &headerLines{rest: start}
	f.ReceivedAt = lines.time()
	if lines.next("") != "" {
		lines.fail()
	}
	f.Cipher = message.None
	if lines.has(encryptedWord) {
		f.Cipher = message.Cipher2012
		f.EncryptedSize = lines.bytes(encryptedWord)
	}
	f.Size = lines.bytes(decryptedWord)
	f.Sender = lines.next(senderWord)
	if lines.has(nameWord) {
		f.Name = lines.next(nameWord)
	}
	f.ID = lines.id()
	f.CiphertextLeftOut = lines.has(leftOutLine)
	if lines.failed || checkNames(f.Sender, f.Name) != nil || checkCipher(f.Cipher, f.EncryptedSize) != nil {
		return nil, ErrHeader
	}
	ciphertextMax := uint64(math.MaxUint64)
	if f.CiphertextLeftOut {
		ciphertextMax = 0
	}
	f.layout = NewLayout(f.Head, ciphertextMax)
	if !bytes.HasPrefix(start, f.layout.Header()) {
		return nil, ErrHeader
	}
	// A part larger than the file would overflow the offsets.
	if f.Size > uint64(size) || !f.CiphertextLeftOut && f.EncryptedSize > uint64(size) {
		return nil, fmt.Errorf("%w: it is %d bytes, less than one part of it", ErrSize, size)
	}
	return f, nil
}

// headerLines takes a header apart. After the first failure it returns zero
// values and stays failed.
type headerLines struct {
	rest   []byte
	failed bool
}

func (h *headerLines) fail() { h.failed = true }

func (h *headerLines) has(prefix string) bool {
	return !h.failed && bytes.HasPrefix(h.rest, []byte(prefix))
}

// next returns what follows prefix on the next line.
func (h *headerLines) next(prefix string) string {
	line, rest, ok := bytes.Cut(h.rest, []byte("\n"))
	if !ok || !h.has(prefix) {
		h.fail()
		return ""
	}
	h.rest = rest
	return string(line[len(prefix):])
}

func (h *headerLines) time() time.Time {
	t, err := time.Parse(fileTime, h.next(timeWord))
	if err != nil || !validYear(t) {
		h.fail()
	}
	return t
}

func (h *headerLines) bytes(prefix string) uint64 {
	digits, ok := strings.CutSuffix(h.next(prefix), bytesWord)
	n, decimal := parseDecimal(digits)
	if !ok || !decimal {
		h.fail()
	}
	return n
}

func (h *headerLines) id() message.ID {
	id, err := message.ParseID(h.next(idWord))
	if err != nil {
		h.fail()
	}
	return id
}

func readAt(r io.ReaderAt, off, n int64) ([]byte, error) {
	p := make([]byte, n)
	// A reader may report the end of its data together with the last of them.
	if got, err := r.ReadAt(p, off); got < len(p) {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return p, nil
}
