package logfile_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"sealpost/shared/logfile"
)

// TestWrapCuts compares WrapBase64 with a loop over characters, in random pieces.
func TestWrapCuts(t *testing.T) {
	random := rand.New(rand.NewPCG(76, 1))
	for _, size := range []int{0, 1, 75, 76, 77, 151, 152, 153, 1000, 32 << 10, 100_000} {
		text := make([]byte, size)
		want := make([]byte, 0, size+size/76+1)
		for i := range text {
			text[i] = 'A' + byte(random.IntN(26))
			want = append(want, text[i])
			if i%76 == 75 || i == size-1 {
				want = append(want, '\n')
			}
		}
		var out bytes.Buffer
		w := logfile.WrapBase64(&out)
		most := 1 + random.IntN(size+1)
		for rest := text; len(rest) > 0; {
			n := min(random.IntN(most+1), len(rest))
			if got, err := w.Write(rest[:n]); got != n || err != nil {
				t.Fatalf("Write of %d bytes: %d, %v", n, got, err)
			}
			rest = rest[n:]
		}
		for range 2 {
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(out.Bytes(), want) {
			t.Errorf("%d characters are wrapped wrongly", size)
		}
		if _, err := w.Write([]byte("A")); !errors.Is(err, logfile.ErrClosed) {
			t.Errorf("Write after Close: %v", err)
		}
	}
}

type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	n := min(f.room, len(p))
	f.room -= n
	if n < len(p) {
		return n, errBroken
	}
	return n, nil
}

func TestWrapFails(t *testing.T) {
	for _, room := range []int{0, 50, 77, 90} {
		w := logfile.WrapBase64(&full{room: room})
		_, err := io.WriteString(w, strings.Repeat("A", 90))
		if err == nil {
			err = w.Close()
		}
		if !errors.Is(err, errBroken) {
			t.Errorf("room for %d: %v", room, err)
		}
		if _, err := w.Write([]byte("A")); !errors.Is(err, errBroken) {
			t.Errorf("room for %d, Write after a failure: %v", room, err)
		}
		if err := w.Close(); !errors.Is(err, errBroken) {
			t.Errorf("room for %d, Close after a failure: %v", room, err)
		}
	}
}
