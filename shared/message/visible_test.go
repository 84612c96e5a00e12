package message

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

var shown = []struct{ in, line, text string }{
	{"", "", ""},
	{"plain text, Grüße 鍵 👋", "plain text, Grüße 鍵 👋", "plain text, Grüße 鍵 👋"},
	{"a\nb\tc", `a\x0ab\x09c`, "a\nb\tc"},
	{"a\r\nb", `a\x0d\x0ab`, "a\\x0d\nb"},
	{"\x1b[2Jgone", `\x1b[2Jgone`, `\x1b[2Jgone`},
	{"\x00\x07\x08\x7f", `\x00\x07\x08\x7f`, `\x00\x07\x08\x7f`},
	{"\u0085\u009b31m", `\u0085\u009b31m`, `\u0085\u009b31m`},
	{"exe.\u202etxt\u202c", `exe.\u202etxt\u202c`, `exe.\u202etxt\u202c`},
	{"\u2028\u2029\ufeff\u200f", `\u2028\u2029\ufeff\u200f`, `\u2028\u2029\ufeff\u200f`},
	{"\x9b31m", `\x9b31m`, `\x9b31m`},
	{"\xff\xfe", `\xff\xfe`, `\xff\xfe`},
	{"half \xe2\x80", `half \xe2\x80`, `half \xe2\x80`},
	{"\xe2\x80x", `\xe2\x80x`, `\xe2\x80x`},
	{"\xf0\x9f\x91", `\xf0\x9f\x91`, `\xf0\x9f\x91`},
	{"\xed\xa0\x80", `\xed\xa0\x80`, `\xed\xa0\x80`},
	{"\ufffd", "\ufffd", "\ufffd"},
	{`back\slash`, `back\slash`, `back\slash`},
}

func TestVisible(t *testing.T) {
	for _, test := range shown {
		if got := Visible(test.in); got != test.line {
			t.Errorf("Visible(%q) = %q, want %q", test.in, got, test.line)
		}
		if got := visibleText(test.in); got != test.text {
			t.Errorf("visibleText(%q) = %q, want %q", test.in, got, test.text)
		}
	}
}

// TestVisibleWriterCuts writes every text in pieces of every size.
func TestVisibleWriterCuts(t *testing.T) {
	for _, test := range shown {
		for piece := 1; piece <= len(test.in)+1; piece++ {
			if got := writeVisible(t, test.in, piece); got != test.text {
				t.Errorf("%q in pieces of %d: %q, want %q", test.in, piece, got, test.text)
			}
		}
	}
	long := strings.Repeat("é\x1b鍵\n", 10000)
	if got := writeVisible(t, long, 12345); got != visibleText(long) {
		t.Error("a long text comes out differently")
	}
}

func writeVisible(t *testing.T, text string, piece int) string {
	t.Helper()
	var out bytes.Buffer
	w := NewVisibleWriter(&out)
	for len(text) > 0 {
		n := min(piece, len(text))
		if got, err := io.WriteString(w, text[:n]); got != n || err != nil {
			t.Fatalf("Write of %d bytes: %d, %v", n, got, err)
		}
		text = text[n:]
	}
	for range 2 {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(w, "x"); !errors.Is(err, ErrClosed) {
		t.Fatalf("Write after Close: %v", err)
	}
	return out.String()
}

var errFull = errors.New("no room")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestVisibleWriterFails(t *testing.T) {
	w := NewVisibleWriter(full{})
	if n, err := w.Write([]byte("text")); n != 0 || !errors.Is(err, errFull) {
		t.Errorf("Write: %d, %v", n, err)
	}
	if _, err := w.Write([]byte("more")); !errors.Is(err, errFull) {
		t.Errorf("Write after a failure: %v", err)
	}
	if err := w.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close after a failure: %v", err)
	}
	cut := NewVisibleWriter(full{})
	if _, err := cut.Write([]byte("\xe2")); err != nil {
		t.Errorf("Write of half a character: %v", err)
	}
	if err := cut.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close with half a character: %v", err)
	}
}

// FuzzVisible: what is shown is UTF-8 without anything that must not be shown,
// however the text is cut, and what needs no escape stays.
func FuzzVisible(f *testing.F) {
	for _, test := range shown {
		f.Add(test.in, uint8(1))
	}
	f.Fuzz(func(t *testing.T, in string, piece uint8) {
		line, text := Visible(in), visibleText(in)
		if got := writeVisible(t, in, int(piece)+1); got != text {
			t.Fatalf("in pieces of %d: %q, want %q", piece+1, got, text)
		}
		if !utf8.ValidString(line) || !utf8.ValidString(text) {
			t.Fatalf("%q is shown as something that is not UTF-8", in)
		}
		for _, r := range line {
			if hidden(r) {
				t.Fatalf("%q is shown with %U", in, r)
			}
		}
		if Visible(text) != line && !strings.ContainsAny(in, "\n\t") {
			t.Fatalf("%q: line %q, text %q", in, line, text)
		}
		if CheckName(in) == nil && line != in {
			t.Fatalf("the name %q is shown as %q", in, line)
		}
	})
}

// visibleText is what a writer makes of a text that comes at once.
func visibleText(s string) string {
	out, _ := appendVisible(nil, []byte(s), true, true)
	return string(out)
}
