package cipher2012

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
)

// TestPaddingNeverWritten: whatever has been written before Close is a part of
// the message, and a wrong end adds nothing to it.
func TestPaddingNeverWritten(t *testing.T) {
	key := DeriveKey("held back")
	for _, size := range []int{0, 1, 32, 33, 64, 95, chunkLen - 32, chunkLen, chunkLen + 32, 2 * chunkLen} {
		plain := pattern(size)
		text := Encrypt(key, plain)
		text = text[:len(text)-1]
		var out bytes.Buffer
		d := NewDecrypter(key, &out)
		_, err := d.Write(text)
		if err = errors.Join(err, d.Close()); err == nil {
			t.Fatalf("%d bytes: a wrong end was accepted", size)
		}
		if !bytes.HasPrefix(plain, out.Bytes()) {
			t.Errorf("%d bytes: more than the message was written", size)
		}
	}
}

// failing takes room bytes and then returns an error.
type failing struct{ room int }

var errFull = errors.New("no room")

func (f *failing) Write(p []byte) (int, error) {
	n := min(len(p), f.room)
	f.room -= n
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestWriterFails(t *testing.T) {
	plain := pattern(5 * chunkLen)
	streams := map[string]struct {
		make func(w io.Writer) io.WriteCloser
		in   []byte
	}{
		"encrypter": {func(w io.Writer) io.WriteCloser { return NewEncrypter(Key{}, w) }, plain},
		"decrypter": {func(w io.Writer) io.WriteCloser { return NewDecrypter(Key{}, w) }, Encrypt(Key{}, plain)},
	}
	for name, stream := range streams {
		for _, room := range []int{0, 1, chunkLen, pieceLen + 1, 5*chunkLen - 1} {
			s := stream.make(&failing{room: room})
			n, err := s.Write(stream.in)
			if err == nil {
				err = s.Close()
			} else if n >= len(stream.in) {
				t.Errorf("%s, room for %d: everything counts as written", name, room)
			}
			if !errors.Is(err, errFull) {
				t.Errorf("%s, room for %d: %v", name, room, err)
			}
			if _, err := s.Write([]byte("A")); !errors.Is(err, errFull) {
				t.Errorf("%s: Write after a failure: %v", name, err)
			}
			if err := s.Close(); !errors.Is(err, errFull) {
				t.Errorf("%s: Close after a failure: %v", name, err)
			}
		}
	}
}

func TestClose(t *testing.T) {
	var text, plain bytes.Buffer
	d := NewDecrypter(Key{}, &plain)
	e := NewEncrypter(Key{}, io.MultiWriter(&text, d))
	closeTwice(t, "encrypter", e)
	closeTwice(t, "decrypter", d)
	if text.Len() != 44 || plain.Len() != 0 {
		t.Errorf("an empty message makes %d characters and comes back as %d bytes", text.Len(), plain.Len())
	}
}

func closeTwice(t *testing.T, name string, s io.WriteCloser) {
	t.Helper()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("%s: Close: %v", name, err)
		}
	}
	if n, err := s.Write([]byte("x")); n != 0 || !errors.Is(err, ErrClosed) {
		t.Errorf("%s: Write after Close: %d, %v", name, n, err)
	}
}

func TestErrorStays(t *testing.T) {
	d := NewDecrypter(Key{}, io.Discard)
	if _, err := d.Write([]byte("AAAA\nAAAAAAA")); !errors.Is(err, ErrBase64) {
		t.Fatalf("Write: %v", err)
	}
	if _, err := d.Write(Encrypt(Key{}, nil)); !errors.Is(err, ErrBase64) {
		t.Errorf("Write after the error: %v", err)
	}
	if err := d.Close(); !errors.Is(err, ErrBase64) {
		t.Errorf("Close after the error: %v", err)
	}
}

// TestConstantMemory sends 8 MiB through both ends and counts what was
// allocated meanwhile.
func TestConstantMemory(t *testing.T) {
	const size, most = 8 << 20, 1 << 20
	in := pattern(1 << 20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d := NewDecrypter(Key{1}, io.Discard)
	e := NewEncrypter(Key{1}, d)
	for range size / len(in) {
		if _, err := e.Write(in); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(e.Close(), d.Close()); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > most {
		t.Errorf("%d MiB took %d bytes of memory, want at most %d", size>>20, used, most)
	}
}
