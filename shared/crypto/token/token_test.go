package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"sealpost/shared/message"
)

const secret43 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

func TestNewIsRandomAndParses(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		made, err := New("store-17")
		if err != nil {
			t.Fatal(err)
		}
		text := made.Reveal()
		if seen[text] {
			t.Fatal("the same token twice")
		}
		seen[text] = true
		read, err := Parse(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if read.Reveal() != text || read.Sender() != "store-17" || read.Hash() != made.Hash() {
			t.Errorf("%q is read as %q of %q", text, read.Reveal(), read.Sender())
		}
	}
}

func TestNewRefusesBadSender(t *testing.T) {
	for _, sender := range []string{"", "-", "a:b", "a b", strings.Repeat("x", 65)} {
		var bad *message.NameError
		if tok, err := New(sender); !errors.As(err, &bad) || tok.Reveal() != "" {
			t.Errorf("New(%q): error %v, want a NameError", sender, err)
		}
	}
}

func TestHash(t *testing.T) {
	tok, err := Parse("sealpost:demo:" + secret43)
	if err != nil {
		t.Fatal(err)
	}
	// printf %s sealpost:demo:AAEC… | sha256sum
	const want = "f55306462ad2e3fb11ab15442cc5c91e1976782cce6e80fc1e43d53c216b8bef"
	if got := fmt.Sprintf("%x", tok.Hash()); got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"empty":              "",
		"prefix alone":       "sealpost:",
		"no prefix":          "demo:" + secret43,
		"other prefix":       "Sealpost:demo:" + secret43,
		"no sender":          "sealpost::" + secret43,
		"sender -":           "sealpost:-:" + secret43,
		"bad sender":         "sealpost:de mo:" + secret43,
		"long sender":        "sealpost:" + strings.Repeat("x", 65) + ":" + secret43,
		"no secret":          "sealpost:demo:",
		"short secret":       "sealpost:demo:" + secret43[1:],
		"long secret":        "sealpost:demo:" + secret43 + "A",
		"padded secret":      "sealpost:demo:" + secret43[1:] + "=",
		"standard alphabet":  "sealpost:demo:" + secret43[:42] + "+",
		"bits left over":     "sealpost:demo:" + secret43[:42] + "9",
		"line break":         "sealpost:demo:" + secret43[:42] + "\n",
		"line break after":   "sealpost:demo:" + secret43 + "\n",
		"line break counted": "sealpost:demo:\r" + secret43[:42],
		"space before":       " sealpost:demo:" + secret43,
		"one part too many":  "sealpost:demo:x:" + secret43,
	} {
		tok, err := Parse(text)
		if !errors.Is(err, ErrMalformed) || tok.Reveal() != "" {
			t.Errorf("%s: %q, error %v, want ErrMalformed", name, tok.Reveal(), err)
		}
		if err != nil && strings.Contains(err.Error(), "AAEC") {
			t.Errorf("%s: the error quotes the secret: %v", name, err)
		}
	}
}

func TestPrintingMasks(t *testing.T) {
	tok, err := Parse("sealpost:demo:" + secret43)
	if err != nil {
		t.Fatal(err)
	}
	type holder struct {
		hidden  Token
		pointer *Token
		Shown   Token
	}
	values := []any{tok, &tok, holder{tok, &tok, tok}, &holder{tok, &tok, tok}, []Token{tok}, map[string]Token{"a": tok}}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range values {
			text := fmt.Sprintf(format, value)
			if strings.Contains(text, "AAEC") || strings.Contains(text, fmt.Sprintf("%x", secret43[:8])) {
				t.Errorf("%s of %T shows the secret: %s", format, value, text)
			}
		}
	}
	for _, value := range values {
		if text, err := json.Marshal(value); err != nil || strings.Contains(string(text), "AAEC") {
			t.Errorf("JSON of %T: %s, %v", value, text, err)
		}
	}
	if got := tok.String(); got != "sealpost:demo:…" {
		t.Errorf("String() = %q", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "sealpost:demo:" + secret43, "sealpost:a.b_c-d:" + secret43,
		"sealpost:demo:" + secret43 + "\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tok, err := Parse(text)
		if err == nil && tok.Reveal() != text {
			t.Fatalf("%q is a second spelling of %q", text, tok.Reveal())
		}
		if err != nil && (!errors.Is(err, ErrMalformed) || tok.Reveal() != "") {
			t.Fatalf("%q is refused with %v, and read as %q", text, err, tok.Reveal())
		}
	})
}

// What people see of a text that is no valid token is a name at most, short and escaped.
func TestClaimed(t *testing.T) {
	made, err := New("store-17")
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimPrefix(made.Reveal(), Prefix+"store-17:")
	long := strings.Repeat("n", message.MaxSender)
	for text, want := range map[string]string{
		made.Reveal():                       "store-17",
		Prefix + "a\x1b[2J\u202e:x":         `a\x1b[2J\u202e`,
		Prefix + long + "more:" + secret:    long,
		Prefix + ":" + secret:               "",
		Prefix + secret + ":store-17":       "",
		Prefix + secret:                     "",
		secret:                              "",
		"password":                          "",
		"Sealpost:store-17:" + secret:       "",
		"":                                  "",
		Prefix + "store-17:" + secret + ":": "store-17",
	} {
		if got := Claimed(text); got != want {
			t.Errorf("Claimed(%q) = %q, want %q", text, got, want)
		}
	}
}
