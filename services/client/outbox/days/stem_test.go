package days

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"sealpost/shared/message"
)

var anID = message.ID{0x12, 0x34, 0x56, 0x78, 0x9a, 15: 0xff}

func TestStem(t *testing.T) {
	as := func(n int) string { return strings.Repeat("a", n) }
	for _, c := range []struct{ part, first, second string }{
		{"a.txt", "a.txt", "a.txt~12345678"},
		{"a.reason", "", "a.reason~12345678"},
		{"a.tlog-proof", "", "a.tlog-proof~12345678"},
		{".tlog-proof", "", ".tlog-proof~12345678"},
		{"a.tlog-proof~12345678", "a.tlog-proof~12345678", "a.tlog-proof~12345678~12345678"},
		{as(200), as(200), as(200) + "~12345678"},
		{as(201), "", as(200) + "~12345678"},
		{as(255), "", as(200) + "~12345678"},
		{as(199) + "é", "", as(199) + "~12345678"},
		{as(198) + "é", as(198) + "é", as(198) + "é~12345678"},
		{as(197) + "😀", "", as(197) + "~12345678"},
		{as(196) + "😀x", "", as(196) + "😀~12345678"},
		{strings.Repeat("\xbf", 220), "", strings.Repeat("\xbf", 200) + "~12345678"},
	} {
		if got := stem(c.part, anID, 0); got != c.first {
			t.Errorf("%q at first: %q", c.part, got)
		}
		if got := stem(c.part, anID, 1); got != c.second {
			t.Errorf("%q then: %q, want %q", c.part, got, c.second)
		}
	}
	if got := stem("a", anID, mostTry); got != "a~"+anID.String() {
		t.Errorf("last: %q", got)
	}
}

// FuzzStem: whatever a message is called, it can be stored under each of its stems,
// none of which looks like a text, and all of two messages' differ but for the first.
func FuzzStem(f *testing.F) {
	for _, part := range []string{"a", "é", "a.reason", strings.Repeat("é", 127), strings.Repeat("\x80", 255), "~1"} {
		f.Add(part, uint64(1), uint64(2))
	}
	f.Fuzz(func(t *testing.T, part string, a, b uint64) {
		if len(part) > 255 || checkName(part) != nil || strings.Contains(part, "/") || uint32(a>>32) == uint32(b>>32) {
			return
		}
		var mine, theirs []string
		for n := 0; n <= mostTry; n++ {
			mine = append(mine, stem(part, idOf(a), n))
			theirs = append(theirs, stem(part, idOf(b), n))
		}
		if first := mine[0]; first != "" && first != part {
			t.Errorf("first %q", first)
		}
		for n, name := range mine {
			switch {
			case n == 0 && name == "":
			case checkName(name) != nil, isText(name), len(name)+len(receiptSuffix) > 255,
				utf8.ValidString(part) && !utf8.ValidString(name), strings.Contains(name, "/"):
				t.Errorf("%q may be called %q", part, name)
			case n > 0 && slices.Contains(theirs, name):
				t.Errorf("two messages may be called %q", name)
			}
		}
	})
}

func idOf(n uint64) (id message.ID) {
	for i := range 8 {
		id[i] = byte(n >> (56 - 8*i))
	}
	return id
}

// FuzzReason: what is written as a reason names the id again, and no part of it
// does.
func FuzzReason(f *testing.F) {
	f.Add("too large")
	f.Add("a\nmessage 12345678900000000000000000000000\n")
	f.Fuzz(func(t *testing.T, words string) {
		text, err := Refused.textOf(Item{ID: anID, Text: []byte(words)})
		if err != nil {
			t.Fatal(err)
		}
		if id, ok := Refused.idOf(text); !ok || id != anID {
			t.Errorf("%q names %v", text, id)
		}
		for n := range text {
			if id, ok := Refused.idOf(text[:n]); ok {
				t.Errorf("%q names %v", text[:n], id)
			}
		}
		if strings.Count(string(text), "\n") != 2 {
			t.Errorf("%q has more than two lines", text)
		}
	})
}
