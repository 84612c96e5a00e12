package run

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"sealpost/shared/message"
)

// shown is what is printed of a text, in two pieces.
func shown(t testing.TB, width int, text string) string {
	t.Helper()
	var out bytes.Buffer
	m := newMargin(&out, width)
	visible := message.NewVisibleWriter(m)
	for _, part := range []string{text[:len(text)/2], text[len(text)/2:]} {
		if _, err := visible.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := visible.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestMargin(t *testing.T) {
	for _, test := range []struct {
		width      int
		text, want string
	}{
		{80, "", ""},
		{80, "a", "| a\n"},
		{80, "a\n\nb\n", "| a\n|\n| b\n"},
		{80, "\n", "|\n"},
		{80, "a\rb\v\f\u0085\u2028\u2029\x1b[2K", `| a\x0db\x0b\x0c\u0085\u2028\u2029\x1b[2K` + "\n"},
		{16, "0123456789abc", "| 0123456789abc\n"},
		{16, "0123456789abcdef\nx", "| 0123456789abc\n|+def\n| x\n"},
		{16, "鍵鍵鍵鍵鍵鍵鍵", "| 鍵鍵鍵鍵鍵鍵\n|+鍵\n"},
		{16, "a\tb\tc\td", "| a\tb\n|+\tc\n|+\td\n"},
		{1, "0123456789abcdef", "| 0123456789abc\n|+def\n"},
		{0, strings.Repeat("x", 78), "| " + strings.Repeat("x", 77) + "\n|+x\n"},
	} {
		if got := shown(t, test.width, test.text); got != test.want {
			t.Errorf("%q at %d: %q, want %q", test.text, test.width, got, test.want)
		}
	}
}

// FuzzMargin: whatever a text is, each line that is shown of it has a mark, and
// none is wider than the screen.
func FuzzMargin(f *testing.F) {
	f.Add("a\tb\n鍵\r\x1b[31m\u2028", uint8(20))
	f.Add(rule+"\nFile name: server_message9.txt\n"+rule, uint8(80))
	f.Fuzz(func(t *testing.T, text string, width uint8) {
		for line := range strings.Lines(shown(t, int(width), text)) {
			line, ended := strings.CutSuffix(line, "\n")
			if !ended || line != mark[:1] && !strings.HasPrefix(line, mark) && !strings.HasPrefix(line, furtherOn) {
				t.Fatalf("%q shows the line %q", text, line)
			}
			if n := atMost(line); n >= max(int(width), leastColumns) && width > 0 {
				t.Fatalf("%q shows the line %q of %d cells", text, line, n)
			}
		}
	})
}

// atMost is how many cells a line takes at most.
func atMost(line string) int {
	cells := 0
	for _, r := range line {
		switch {
		case r == '\t':
			cells += tabStop - cells%tabStop
		case r < utf8.RuneSelf:
			cells++
		default:
			cells += 2
		}
	}
	return cells
}
