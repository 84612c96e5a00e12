package entry

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"
)

var key = NewKey([]byte("a secret"), "0123456789abcdef0123456789abcdef")

func header() Header {
	return Header{
		Kind: KindNote, Server: "a", Attempt: ID{1}, Seen: Seen{Position: 7, Chain: Chain{2}}, Note: &Note{Durable: 5},
	}
}

func seal(t *testing.T, h Header, body string) []byte {
	t.Helper()
	data, err := key.Seal(h, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRoundTrip(t *testing.T) {
	for _, body := range []string{"", "x", strings.Repeat("long", ChunkSize/4)} {
		h, got, err := key.Open(seal(t, header(), body))
		if err != nil || string(got) != body {
			t.Fatalf("a body of %d bytes: %v", len(body), err)
		}
		if want := header(); h.V != Version || h.Server != want.Server || h.Seen != want.Seen || *h.Note != *want.Note {
			t.Errorf("got %+v", h)
		}
	}
}

// Every byte is under the seal, and so is the logbook.
func TestForged(t *testing.T) {
	data := seal(t, header(), "body")
	for i := range data {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		if _, _, err := key.Open(changed); !errors.Is(err, ErrForged) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	for n := range len(data) {
		if _, _, err := key.Open(data[:n]); !errors.Is(err, ErrForged) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	for name, other := range map[string]Key{
		"secret":  NewKey([]byte("another secret"), "0123456789abcdef0123456789abcdef"),
		"logbook": NewKey([]byte("a secret"), "1123456789abcdef0123456789abcdef"),
	} {
		if _, _, err := other.Open(data); !errors.Is(err, ErrForged) {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

// sealText seals a header that Seal would not write.
func sealText(header string) []byte {
	data := binary.BigEndian.AppendUint32(nil, uint32(len(header)))
	data = append(data, header...)
	return append(data, key.mac(data)...)
}

func TestMalformed(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":             `x`,
		"an unknown field":    `{"v":1,"kind":"note","note":{"durable":1},"more":1}`,
		"more behind it":      `{"v":1,"kind":"note","note":{"durable":1}} {}`,
		"an unknown kind":     `{"v":1,"kind":"song","note":{"durable":1}}`,
		"no kind":             `{"v":1,"note":{"durable":1}}`,
		"another kind's part": `{"v":1,"kind":"chunk","note":{"durable":1}}`,
		"two parts":           `{"v":1,"kind":"note","note":{"durable":1},"chunk":{"index":1}}`,
		"no part":             `{"v":1,"kind":"note"}`,
		"a bad id":            `{"v":1,"kind":"note","attempt":"zz","note":{"durable":1}}`,
	} {
		if _, _, err := key.Open(sealText(text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	data := binary.BigEndian.AppendUint32(nil, 1000)
	data = append(data, "{}"...)
	if _, _, err := key.Open(append(data, key.mac(data)...)); !errors.Is(err, ErrMalformed) {
		t.Errorf("a header longer than the entry: %v", err)
	}
}

// What a newer server wrote is told from what is malformed, whatever else is new in it.
func TestNewerVersion(t *testing.T) {
	var newer *VersionError
	_, _, err := key.Open(sealText(`{"v":2,"kind":"song","notes":[1,2]}`))
	if !errors.As(err, &newer) || newer.Version != 2 || newer.Kind != "song" {
		t.Errorf("got %v", err)
	}
}

func TestSealRefusesLongHeaders(t *testing.T) {
	h := Header{Kind: KindMessage, Message: &Message{Chunks: make([]uint64, maxHeader)}}
	if _, err := key.Seal(h, nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("got %v", err)
	}
}

// Everything that is in the chain changes it.
func TestChain(t *testing.T) {
	at := time.Unix(1, 2)
	base := Next(Chain{1}, 3, at, []byte("data"))
	if base != Next(Chain{1}, 3, at.UTC(), []byte("data")) {
		t.Error("the zone of the time is in the chain")
	}
	for name, other := range map[string]Chain{
		"before":   Next(Chain{2}, 3, at, []byte("data")),
		"position": Next(Chain{1}, 4, at, []byte("data")),
		"time":     Next(Chain{1}, 3, at.Add(1), []byte("data")),
		"data":     Next(Chain{1}, 3, at, []byte("date")),
	} {
		if other == base {
			t.Errorf("another %s gives the same chain", name)
		}
	}
}

// Zones differ where a clock would, and only there.
func TestRulesOf(t *testing.T) {
	load := func(name string) *time.Location {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return zone
	}
	if RulesOf(load("Etc/UTC")) != RulesOf(time.UTC) {
		t.Error("two names of one zone have different rules")
	}
	if RulesOf(load("Europe/Berlin")) == RulesOf(load("Africa/Algiers")) {
		t.Error("summer time is not in the rules")
	}
	if RulesOf(time.FixedZone("x", 3600)) == RulesOf(time.FixedZone("x", 7200)) {
		t.Error("the offset is not in the rules")
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"v":1,"kind":"note","note":{"durable":1}}`), []byte("body"))
	f.Add([]byte(`{"v":1,"kind":"message","message":{"chunks":[1,2]}}`), []byte{})
	f.Fuzz(func(t *testing.T, header, body []byte) {
		data := binary.BigEndian.AppendUint32(nil, uint32(len(header)))
		data = append(append(data, header...), body...)
		h, got, err := key.Open(append(data, key.mac(data)...))
		if err != nil {
			return
		}
		if !bytes.Equal(got, body) {
			t.Error("another body came back")
		}
		again, err := key.Seal(h, got)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := key.Open(again); err != nil {
			t.Errorf("sealed again: %v", err)
		}
	})
}
