package receipt

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// FuzzSpelling: what is read is what is written again to the same text, in
// base64 and in decimal; and control characters are found where Unicode has
// them.
func FuzzSpelling(f *testing.F) {
	for _, seed := range []string{
		"", "=", "==", "====", "A", "AA", "AA=", "AA==", "AB==", "AAA=", "AAB=", "AAAA", "AAAA====", "AA==AAAA", "AAAA\n",
		"AA\r==", "\nAAAA",
		"AA==\r\n", "-_AA", "0", "00", "01", "+1", "1_0", "4611686018427387903", "4611686018427387904",
		"18446744073709551616",
		"a\u007f", "a\u0080", "a\u009f", "a\u00a0", "\u07ff", "\u2028",
	} {
		f.Add(seed)
		f.Add(base64.StdEncoding.EncodeToString([]byte(seed)))
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, err := base64.StdEncoding.DecodeString(text)
		canonical := err == nil && base64.StdEncoding.EncodeToString(want) == text
		got, ok := decode64([]byte(text))
		if ok != canonical || ok && !bytes.Equal(got, want) {
			t.Errorf("%q is read as %q, %t, want %q, %t", text, got, ok, want, canonical)
		}
		if hash, ok := parseHash([]byte(text)); ok != (canonical && len(want) == len(hash)) || ok &&
			!bytes.Equal(hash[:], want) {
			t.Errorf("%q is read as the hash %x, %t", text, hash, ok)
		}
		n, err := strconv.ParseUint(text, 10, 64)
		canonical = err == nil && n <= MaxTree && strconv.FormatUint(n, 10) == text
		if got, ok := parseNumber(text); ok != canonical || ok && got != n {
			t.Errorf("%q is read as %d, %t, want %d, %t", text, got, ok, n, canonical)
		}
		whole := strings.ToValidUTF8(text, "")
		if got := hasControl([]byte(whole)); got != strings.ContainsFunc(whole, unicode.IsControl) {
			t.Errorf("%q has a control character: %t", whole, got)
		}
	})
}
