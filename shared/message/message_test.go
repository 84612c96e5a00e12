package message

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestIDRoundTrip(t *testing.T) {
	id := NewID()
	if id == NewID() {
		t.Fatal("two new ids are equal")
	}
	back, err := ParseID(id.String())
	if err != nil || back != id {
		t.Fatalf("%s comes back as %s, %v", id, back, err)
	}
	text, err := json.Marshal(map[string]ID{"id": id})
	if err != nil || string(text) != `{"id":"`+id.String()+`"}` {
		t.Fatalf("in JSON: %s, %v", text, err)
	}
	var read map[string]ID
	if err := json.Unmarshal(text, &read); err != nil || read["id"] != id {
		t.Fatalf("from JSON: %v, %v", read, err)
	}
}

func TestParseID(t *testing.T) {
	good := "0123456789abcdef0123456789abcdef"
	if _, err := ParseID(good); err != nil {
		t.Error(err)
	}
	for _, s := range []string{
		"", good[1:], good + "0", strings.ToUpper(good), "g" + good[1:], " " + good[1:],
		good[:31] + "\n", strings.Repeat("é", 16), strings.Repeat("0", 1<<20),
	} {
		_, err := ParseID(s)
		if !errors.Is(err, ErrID) {
			t.Errorf("%.40q: %v", s, err)
		} else if len(err.Error()) > 600 {
			t.Errorf("the error has %d bytes", len(err.Error()))
		}
		before := ID{1}
		id := before
		if err := id.UnmarshalText([]byte(s)); !errors.Is(err, ErrID) || id != before {
			t.Errorf("UnmarshalText(%.40q): %v, %v", s, id, err)
		}
	}
}

func TestParseCipher(t *testing.T) {
	for _, c := range []Cipher{None, Cipher2012} {
		if got, err := ParseCipher(string(c)); got != c || err != nil {
			t.Errorf("%q: %q, %v", c, got, err)
		}
	}
	for _, s := range []string{"", "None", "2012 ", "aes", "2012\x1b"} {
		if got, err := ParseCipher(s); got != "" || !errors.Is(err, ErrCipher) {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
}

func TestCheckName(t *testing.T) {
	tests := []struct {
		name string
		ok   bool
	}{
		{"report.txt", true},
		{" two  spaces ", true},
		{"../../etc/passwd", true}, // a name is not a path
		{"-----", true},
		{"Grüße, שלום, こんにちは", true},
		{"👩‍👩‍👧", true},         // joined by U+200D
		{"می\u200cخواهم", true}, // U+200C belongs to the spelling
		{"\ufffd", true},
		{strings.Repeat("n", 255), true},
		{strings.Repeat("é", 127) + "x", true},
		{"", false},
		{strings.Repeat("n", 256), false},
		{strings.Repeat("é", 128), false},
		{"a\nb", false},
		{"a\rb", false},
		{"a\tb", false},
		{"a\x00b", false},
		{"\x1b[31m", false},
		{"a\x7fb", false},
		{"a\u0080b", false},
		{"a\u0085b", false},
		{"a\u009bb", false},
		{"a\u2028b", false},
		{"a\u2029b", false},
		{"a\u061cb", false},
		{"a\u200eb", false},
		{"a\u200fb", false},
		{"a\u202ab", false},
		{"txt.\u202eexe", false},
		{"a\u2066b", false},
		{"a\u2069b", false},
		{"\ufeffname", false},
		{"a\xffb", false},
		{"a\xed\xa0\x80b", false}, // half a surrogate pair
		{"a\xc0\xafb", false},     // overlong
		{"cut\xe2\x80", false},
	}
	for _, test := range tests {
		checkNameError(t, test.name, CheckName(test.name), test.ok)
		if shown := Visible(test.name); test.ok && shown != test.name {
			t.Errorf("%q is allowed and shown as %q", test.name, shown)
		}
	}
}

func TestCheckSender(t *testing.T) {
	for _, name := range []string{"store-17", "A", "a.b_c-D9", "--", ".", strings.Repeat("s", 64)} {
		checkNameError(t, name, CheckSender(name), true)
	}
	for _, name := range []string{
		"", "-", strings.Repeat("s", 65), "a b", "a/b", "a:b", "é", "a\n", "a\x00", "a\xff", "a,b", "a+b",
	} {
		checkNameError(t, name, CheckSender(name), false)
	}
}

func checkNameError(t *testing.T, name string, err error, ok bool) {
	t.Helper()
	if ok {
		if err != nil {
			t.Error(err)
		}
		return
	}
	var bad *NameError
	if !errors.As(err, &bad) || bad.Name != name || bad.Rule == "" {
		t.Errorf("%q: %v", name, err)
	} else if shown := err.Error(); Visible(shown) != shown {
		t.Errorf("the error has control characters: %q", shown)
	}
}

// TestCheckNewSender: a name that begins with a hyphen stays one, and nobody new
// gets it.
func TestCheckNewSender(t *testing.T) {
	for name, good := range map[string]bool{"store-17": true, "a-": true, "-x": false, "--": false, "-": false,
		"": false, "a b": false} {
		checkNameError(t, name, CheckNewSender(name), good)
	}
	if err := CheckSender("-x"); err != nil {
		t.Error(err)
	}
}
