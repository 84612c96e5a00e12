package receipt

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"sealpost/shared/crypto/identity"
)

const (
	logbookID = "00112233445566778899aabbccddeeff"
	line      = `{"v":1,"seq":0,"file":"server_message0.txt","name":"Größe.txt"}`
)

func generate(t testing.TB) (*identity.Identity, identity.Pins) {
	t.Helper()
	id, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return id, identity.Pins{{Origin: "sealpost/another", Key: id.Public()}}
}

func sign(t testing.TB, id *identity.Identity, line string) []byte {
	t.Helper()
	signed, err := Sign(id, logbookID, []byte(line))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestRoundTrip(t *testing.T) {
	id, pins := generate(t)
	for _, line := range []string{line, "x", "— sealpost/x AAAA", strings.Repeat("é", 2048)} {
		signed := sign(t, id, line)
		opened, err := Open(signed, pins)
		if err != nil {
			t.Fatal(err)
		}
		if opened.Origin != Origin(logbookID) || string(opened.Line) != line {
			t.Errorf("opened %q, %q", opened.Origin, opened.Line)
		}
		if again := sign(t, id, line); !bytes.Equal(again, signed) {
			t.Error("two receipts for one line differ")
		}
	}
}

func TestSignRefuses(t *testing.T) {
	id, _ := generate(t)
	for name, line := range map[string]string{
		"empty": "", "line end": "a\n", "two lines": "a\nb", "carriage return": "a\r", "escape": "\x1b[31m",
		"no UTF-8": "\xff", "too long": strings.Repeat("x", MaxSize),
	} {
		if signed, err := Sign(id, logbookID, []byte(line)); !errors.Is(err, ErrLine) || signed != nil {
			t.Errorf("%s: error %v, want ErrLine", name, err)
		}
	}
	if _, err := Sign(id, "a b", []byte(line)); !errors.Is(err, identity.ErrOrigin) {
		t.Errorf("logbook id with a space: error %v, want ErrOrigin", err)
	}
}

func TestEveryChangeShows(t *testing.T) {
	id, pins := generate(t)
	signed := sign(t, id, line)
	for i := range signed {
		for _, flip := range []byte{1, 0x80} {
			changed := bytes.Clone(signed)
			changed[i] ^= flip
			if _, err := Open(changed, pins); !errors.Is(err, ErrSignature) && !errors.Is(err, ErrMalformed) {
				t.Errorf("byte %d changed by %#x: error %v", i, flip, err)
			}
		}
		if _, err := Open(signed[:i], pins); err == nil {
			t.Errorf("cut to %d bytes, and accepted", i)
		}
	}
}

// The last character before the padding has two bits that no byte uses. All
// four spellings of it are tried, since a random signature hides some.
func TestSpareBits(t *testing.T) {
	id, pins := generate(t)
	signed := sign(t, id, line)
	last := bytes.LastIndexByte(signed, '=') - 1
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	value := strings.IndexByte(alphabet, signed[last])
	if value < 0 || value%4 != 0 {
		t.Fatalf("the signature ends in %q", signed[last:])
	}
	for spare := range 4 {
		changed := bytes.Clone(signed)
		changed[last] = alphabet[value+spare]
		if _, err := Open(changed, pins); (err == nil) != (spare == 0) {
			t.Errorf("spare bits %02b: %v", spare, err)
		}
	}
}

func TestAnotherIdentity(t *testing.T) {
	id, _ := generate(t)
	_, others := generate(t)
	if _, err := Open(sign(t, id, line), others); !errors.Is(err, ErrSignature) {
		t.Errorf("error %v, want ErrSignature", err)
	}
	if _, err := Open(sign(t, id, line), nil); !errors.Is(err, ErrSignature) {
		t.Errorf("no pins: error %v, want ErrSignature", err)
	}
}

// Notes of other forms under the same key are no receipts.
func TestOtherNotes(t *testing.T) {
	id, pins := generate(t)
	for name, c := range map[string]struct{ origin, text string }{
		"a checkpoint":               {Origin(logbookID), Origin(logbookID) + "\n7\nAAAA\n"},
		"a later form":               {Origin(logbookID), Origin(logbookID) + "\nreceipt v1\n" + line + "\n"},
		"one line short":             {Origin(logbookID), Origin(logbookID) + "\n" + form + "\n"},
		"one line more":              {Origin(logbookID), text(Origin(logbookID), []byte(line)) + "more\n"},
		"an empty line":              {Origin(logbookID), text(Origin(logbookID), nil)},
		"another program's":          {"example.org/log", text("example.org/log", []byte(line))},
		"signed for another logbook": {Origin("ff" + logbookID[2:]), text(Origin(logbookID), []byte(line))},
	} {
		signer, err := id.Signer(c.origin)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := note.Sign(&note.Note{Text: c.text}, signer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(signed, pins); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrSignature) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestSignatureOfAWitness(t *testing.T) {
	id, pins := generate(t)
	witness, _ := generate(t)
	signer, err := witness.Signer("witness.example")
	if err != nil {
		t.Fatal(err)
	}
	verifiers, err := pins.Verifiers(Origin(logbookID))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := note.Open(sign(t, id, line), verifiers)
	if err != nil {
		t.Fatal(err)
	}
	cosigned, err := note.Sign(opened, signer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(cosigned, pins); err != nil {
		t.Errorf("with a second signature: %v", err)
	}
}

func TestTooLong(t *testing.T) {
	_, pins := generate(t)
	if _, err := Open(bytes.Repeat([]byte("sealpost/x\n"), MaxSize), pins); !errors.Is(err, ErrMalformed) {
		t.Errorf("error %v, want ErrMalformed", err)
	}
}

// The vector was signed once and must open for ever.
func TestVector(t *testing.T) {
	signed, pins := vector(t)
	opened, err := Open(signed, pins)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "line.json"))
	if err != nil {
		t.Fatal(err)
	}
	if opened.Origin != Origin(logbookID) || string(opened.Line) != strings.TrimSuffix(string(want), "\n") {
		t.Errorf("opened %q, %s", opened.Origin, opened.Line)
	}
}

func vector(t testing.TB) ([]byte, identity.Pins) {
	t.Helper()
	signed, err := os.ReadFile(filepath.Join("testdata", "v0.receipt"))
	if err != nil {
		t.Fatal(err)
	}
	pin, err := os.ReadFile(filepath.Join("testdata", "pin"))
	if err != nil {
		t.Fatal(err)
	}
	pins, err := identity.ParsePins(string(pin))
	if err != nil {
		t.Fatal(err)
	}
	return signed, pins
}

// What opens is the text that was signed, whatever stands around it.
func FuzzOpen(f *testing.F) {
	signed, pins := vector(f)
	opened, err := Open(signed, pins)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add(signed[:len(signed)-1])
	f.Add(append(bytes.Clone(signed), "— other.example AAAAAAAA\n"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Open(data, pins)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrSignature) {
				t.Fatalf("an error without a type: %v", err)
			}
			return
		}
		if got.Origin != opened.Origin || !bytes.Equal(got.Line, opened.Line) {
			t.Fatalf("opened %q, %q, which nobody signed", got.Origin, got.Line)
		}
	})
}
