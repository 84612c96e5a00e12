package logfile_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

var head = logfile.Head{
	ReceivedAt: time.Date(2012, 7, 22, 20, 44, 41, 5, time.UTC),
	Size:       5,
	Cipher:     message.None,
	Sender:     "store-17",
	Name:       "report.txt",
	ID:         message.ID{15: 1},
}

const wantFile = `Message Received at: Sun Jul 22, 2012 22:44:41

Total Decrypted Message Size: 5 bytes
Sender: store-17
Message Name: report.txt
Message ID: 00000000000000000000000000000001
-----
DECRYPTED MESSAGE CONTENT
-----

hello
`

func TestLayout(t *testing.T) {
	h := head
	h.ReceivedAt = h.ReceivedAt.In(time.FixedZone("", 2*60*60))
	l := logfile.NewLayout(h, 1<<20)
	if got := string(l.Header()) + "hello" + string(l.Trailer()); got != wantFile {
		t.Errorf("got\n%s\nwant\n%s", got, wantFile)
	}
	if l.HasCiphertext() || l.FileSize() != int64(len(wantFile)) || l.CipherOffset() != l.FileSize() {
		t.Errorf("size %d, base64 at %d", l.FileSize(), l.CipherOffset())
	}
}

// TestLayoutLimit: a base64 text of exactly the limit stays, one more is left out.
func TestLayoutLimit(t *testing.T) {
	h := head
	h.Cipher, h.EncryptedSize = message.Cipher2012, 172
	for _, test := range []struct {
		most uint64
		kept bool
	}{{0, false}, {171, false}, {172, true}, {math.MaxUint64, true}} {
		l := logfile.NewLayout(h, test.most)
		said := bytes.Contains(l.Header(), []byte("left out"))
		if l.HasCiphertext() != test.kept || said == test.kept {
			t.Errorf("limit %d: kept %t, said to be left out %t", test.most, l.HasCiphertext(), said)
		}
	}
}

// TestLayoutEscapes: names that nobody checked still add no line.
func TestLayoutEscapes(t *testing.T) {
	h := head
	h.Sender, h.Name = "a\nSender: b", "x\n-----\n"
	header := string(logfile.NewLayout(h, 0).Header())
	if got, want := strings.Count(header, "\n"), strings.Count(wantFile, "\n")-1; got != want {
		t.Errorf("%d lines, want %d:\n%s", got, want, header)
	}
}

// meter counts what is read.
type meter struct {
	r    io.ReaderAt
	read int
}

func (m *meter) ReadAt(p []byte, off int64) (int, error) {
	n, err := m.r.ReadAt(p, off)
	m.read += n
	return n, err
}

func TestParseReadsLittle(t *testing.T) {
	h := head
	h.Size = 1 << 20
	l := logfile.NewLayout(h, 0)
	file := append(l.Header(), make([]byte, h.Size)...)
	file = append(file, l.Trailer()...)
	m := &meter{r: bytes.NewReader(file)}
	if _, err := logfile.Parse(m, int64(len(file))); err != nil {
		t.Fatal(err)
	}
	if most := logfile.MaxHeader + 100; m.read > most {
		t.Errorf("%d bytes were read, want at most %d", m.read, most)
	}
}

func TestParseReaderFails(t *testing.T) {
	file := []byte(wantFile)
	size := int64(len(file))
	for _, have := range []int{0, 10, len(file) - 1} {
		_, err := logfile.Parse(bytes.NewReader(file[:have]), size)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d of %d bytes: %v", have, size, err)
		}
	}
	if _, err := logfile.Parse(bytes.NewReader(file), -1); !errors.Is(err, logfile.ErrSize) {
		t.Errorf("a negative size: %v", err)
	}
	_, err := logfile.Parse(broken{}, size)
	if !errors.Is(err, errBroken) {
		t.Errorf("a broken reader: %v", err)
	}
}

var errBroken = errors.New("broken disk")

type broken struct{}

func (broken) ReadAt([]byte, int64) (int, error) { return 0, errBroken }

// TestCiphertextCut: the file becomes shorter after it was parsed.
func TestCiphertextCut(t *testing.T) {
	h := head
	h.Cipher, h.EncryptedSize = message.Cipher2012, 100
	l := logfile.NewLayout(h, math.MaxUint64)
	var file bytes.Buffer
	file.Write(l.Header())
	file.WriteString("hello")
	file.Write(l.Trailer())
	w := logfile.WrapBase64(&file)
	io.WriteString(w, strings.Repeat("A", 100))
	w.Close()
	for _, missing := range []int{1, 2, 30, 90} {
		r := &shrinking{data: file.Bytes()}
		f, err := logfile.Parse(r, int64(file.Len()))
		if err != nil {
			t.Fatal(err)
		}
		r.data = r.data[:file.Len()-missing]
		if _, err := io.ReadAll(f.Ciphertext()); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes missing: %v", missing, err)
		}
	}
}

type shrinking struct{ data []byte }

func (s *shrinking) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(s.data).ReadAt(p, off)
}
