package shared

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func newKey(t *testing.T) Key {
	t.Helper()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKey(t *testing.T) {
	key := newKey(t)
	again, err := ParseKey("# of the cluster\n\n  " + key.Reveal() + "\r\n")
	if err != nil || again.Reveal() != key.Reveal() {
		t.Errorf("read again: %v", err)
	}
	sealed, err := key.seal([]byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := again.open(sealed); err != nil || string(text) != "text" {
		t.Errorf("opened: %q, %v", text, err)
	}
	if twice, err := key.seal([]byte("text")); err != nil || bytes.Equal(sealed, twice) {
		t.Errorf("sealed twice it is the same (%v)", err)
	}
	if _, err := newKey(t).open(sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("with another key: %v", err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if text, err := key.open(changed); !errors.Is(err, ErrSealed) {
			t.Fatalf("byte %d changed: %q, %v", i, text, err)
		}
	}
}

func TestKeyIsMasked(t *testing.T) {
	key := newKey(t)
	if text := fmt.Sprintf("%v %+v %#v %s", key, key, key, key); strings.Contains(text, key.Reveal()[20:]) {
		t.Error("a key shows in print")
	}
}

func TestParseKey(t *testing.T) {
	one := newKey(t).Reveal()
	for _, text := range []string{
		"", "# only this", one[:len(one)-1], one + "\n" + one, one + " x", strings.Replace(one, "1", "2", 1),
	} {
		if _, err := ParseKey(text); !errors.Is(err, ErrKey) || strings.Contains(err.Error(), one[20:40]) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSecrets(t *testing.T) {
	key := newKey(t)
	secret := func(k Key, purpose string) string {
		b, err := k.Secret(purpose)
		if err != nil || len(b) != secretSize {
			t.Errorf("%d bytes, %v", len(b), err)
		}
		return string(b)
	}
	again, err := ParseKey(key.Reveal())
	if err != nil || secret(key, "a") != secret(again, "a") {
		t.Errorf("it changes (%v)", err)
	}
	if secret(key, "a") == secret(key, "b") || secret(key, "a") == secret(newKey(t), "a") {
		t.Error("two are the same")
	}
}
