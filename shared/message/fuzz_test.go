package message

import (
	"errors"
	"testing"
)

// FuzzNames: every word of the domain has one spelling, an error says which rule
// it breaks, and a name that is taken can be shown as it is.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{
		"", "-", "store-17", "harbour.txt", "none", "2012", "0123456789abcdef0123456789abcdef",
		"0123456789ABCDEF0123456789abcdef",
		"a\nb", "\xff", "\u202e", "\ufeff", "a\u2028b", "../x", "é",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseID(text)
		if err == nil && id.String() != text || err != nil && (!errors.Is(err, ErrID) || id != ID{}) {
			t.Errorf("id %q is read as %s, %v", text, id, err)
		}
		cipher, err := ParseCipher(text)
		if err == nil && string(cipher) != text || err != nil && (!errors.Is(err, ErrCipher) || cipher != "") {
			t.Errorf("cipher %q is read as %q, %v", text, cipher, err)
		}
		for what, most := range map[string]int{"message name": MaxName, "sender name": MaxSender} {
			err := CheckName(text)
			if what == "sender name" {
				err = CheckSender(text)
			}
			var bad *NameError
			switch {
			case err != nil && (!errors.As(err, &bad) || bad.What != what):
				t.Errorf("%s %q: %v", what, text, err)
			case err == nil && (text == "" || len(text) > most || Visible(text) != text):
				t.Errorf("%s %q is taken, and shown as %q", what, text, Visible(text))
			}
		}
	})
}
