package identity

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParsePins(t *testing.T) {
	a, b := generate(t), generate(t)
	keyA, keyB := a.VerifierKey(testOrigin), b.VerifierKey("sealpost/other")
	for _, text := range []string{keyA + "," + keyB, " " + keyA + " ,\n" + keyB + "\n"} {
		pins, err := ParsePins(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := pins.String(); got != keyA+","+keyB {
			t.Errorf("ParsePins(%q) = %s", text, got)
		}
		if !pins.Has(a.Public()) || !pins.Has(b.Public()) || pins.Has(generate(t).Public()) {
			t.Error("the pins are not exactly the two keys")
		}
	}
}

func TestParsePinsRefuses(t *testing.T) {
	key := generate(t).VerifierKey(testOrigin)
	for name, text := range map[string]string{
		"empty":           "",
		"white space":     " \n",
		"no key":          "hello",
		"one digit off":   key[:len(key)-6] + flip(key[len(key)-6]) + key[len(key)-5:],
		"name changed":    "x" + key,
		"empty in a list": key + ",",
		"cut short":       key[:len(key)-4],
		"line break":      key[:len(key)-4] + "\n" + key[len(key)-4:],
		"upper-case hash": upperHash(key),
		"too many":        strings.Repeat(key+",", maxPins) + key,
		"other algorithm": "sealpost/x+00000000+AkNJRU6FpyLsGHKMRul3iNR1mSgZ9y9GqQJi8NCntcn",
	} {
		pins, err := ParsePins(text)
		if !errors.Is(err, ErrPins) || pins != nil {
			t.Errorf("%s: %v, error %v, want ErrPins", name, pins, err)
		}
	}
}

// flip returns another letter of the base64 alphabet.
func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

// upperHash spells the hash of a verifier key in a second way; a hash without
// letters gets a leading sign instead.
func upperHash(key string) string {
	parts := strings.SplitN(key, "+", 3)
	upper := strings.ToUpper(parts[1])
	if upper == parts[1] {
		upper = "-" + upper
	}
	return parts[0] + "+" + upper + "+" + parts[2]
}

func TestParsePinsQuotesNothing(t *testing.T) {
	secret := "sealpost:demo:bQtI-x4IDvKCarJP-E2f0w6pg51p93e8mO_fyNIWltc"
	for _, text := range []string{secret, secret + "+12345678+AAAA", "PRIVATE+KEY+" + secret} {
		if _, err := ParsePins(text); err == nil || strings.Contains(err.Error(), "bQtI") {
			t.Errorf("the error shows what was given: %v", err)
		}
	}
}

func TestPinsUnmarshalText(t *testing.T) {
	key := generate(t).VerifierKey(testOrigin)
	pins := Pins{{Origin: "left over"}}
	if err := pins.UnmarshalText(nil); err != nil || len(pins) != 0 {
		t.Errorf("empty text: %v, %v", pins, err)
	}
	if err := pins.UnmarshalText([]byte(key)); err != nil || pins.String() != key {
		t.Errorf("one key: %v, %v", pins, err)
	}
	if err := pins.UnmarshalText([]byte("x")); !errors.Is(err, ErrPins) || pins.String() != key {
		t.Errorf("no key: %v, %v", pins, err)
	}
}

func FuzzParsePins(f *testing.F) {
	id, err := Generate()
	if err != nil {
		f.Fatal(err)
	}
	key := id.VerifierKey(testOrigin)
	for _, seed := range []string{"", key, key + ", " + key, key[1:], "a+b+c", "+,+"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		pins, err := ParsePins(text)
		if err != nil {
			if !errors.Is(err, ErrPins) || pins != nil {
				t.Fatalf("%q is refused with %v, and read as %q", text, err, pins)
			}
			return
		}
		again, err := ParsePins(pins.String())
		if err != nil || again.String() != pins.String() {
			t.Fatalf("%q is read as %q, and that as %v, %v", text, pins, again, err)
		}
		var spelled []string
		for part := range strings.SplitSeq(text, ",") {
			spelled = append(spelled, strings.TrimSpace(part))
		}
		if !slices.Equal(spelled, pins.list()) {
			t.Fatalf("%q is a second spelling of %q", text, pins)
		}
	})
}
