package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// signs returns a checkpoint as s signs it now.
func signs(t *testing.T, s *State) []byte {
	t.Helper()
	text, err := s.SignCheckpoint(receipt.Checkpoint{Origin: receipt.Origin(s.LogbookID()), Size: 7})
	check(t, err)
	return text
}

// opens reports whether a checkpoint opens for a client that lists id alone.
func opens(text []byte, id *identity.Identity) bool {
	_, err := receipt.OpenCheckpoint(text, identity.Pins{{Key: id.Public()}})
	return err == nil
}

func wantSigners(t *testing.T, s *State, want ...*identity.Identity) {
	t.Helper()
	text := signs(t, s)
	if n := strings.Count(string(text), "\n— "); n != len(want) {
		t.Errorf("%d signatures, want %d", n, len(want))
	}
	for i, id := range want {
		if !opens(text, id) {
			t.Errorf("signer %d of %d has not signed", i, len(want))
		}
	}
}

func next(t *testing.T, s *State) *identity.Identity {
	t.Helper()
	id, err := s.NextIdentity()
	check(t, err)
	return id
}

// Two States on one directory are what a server and a command beside it are.
func TestSwitchIdentity(t *testing.T) {
	dir := t.TempDir()
	server, command := open(t, dir), open(t, dir)
	first := server.Identity()
	before := signs(t, server)
	second := next(t, command)
	if again := next(t, command); !again.Public().Equal(second.Public()) {
		t.Error("a second next identity was made")
	}
	check(t, server.Check())
	if pins := server.Pins(); len(pins) != 2 || !pins.Has(first.Public()) || !pins.Has(second.Public()) ||
		pins[0].Origin != receipt.Origin(server.LogbookID()) {
		t.Errorf("pins to list: %v", pins)
	}
	wantSigners(t, server, first)
	if leaf := server.Certificate().Leaf.PublicKey; !first.Public().Equal(leaf) {
		t.Error("the next identity stands for TLS already")
	}

	version := server.Signers()
	check(t, command.SwitchIdentity(time.Hour))
	check(t, server.Check())
	if server.Signers() == version {
		t.Error("nothing says that others sign now")
	}
	if leaf := server.Certificate().Leaf.PublicKey; !second.Public().Equal(leaf) ||
		!server.Identity().Public().Equal(second.Public()) {
		t.Error("the server does not stand for the new identity")
	}
	wantSigners(t, server, second, first)
	if pins := server.Pins(); len(pins) != 1 {
		t.Errorf("pins to list after the switch: %v", pins)
	}
	for _, s := range []*State{server, open(t, dir)} {
		if _, err := s.OpenCheckpoint(before); err != nil {
			t.Errorf("a checkpoint of before the switch: %v", err)
		}
		if list := s.Formers(); len(list) != 1 || !list[0].Signs || !list[0].Pin.Key.Equal(first.Public()) {
			t.Errorf("former identities: %+v", list)
		}
	}
	for _, name := range []string{identityFile, formerFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != fileMode {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	if err := command.SwitchIdentity(time.Hour); !errors.Is(err, ErrNoNext) {
		t.Errorf("a switch to nothing: %v", err)
	}
}

// At its date the old identity signs no more, and then its key goes.
func TestOverlapEnds(t *testing.T) {
	dir := t.TempDir()
	server := open(t, dir)
	first := server.Identity()
	before := signs(t, server)
	second := next(t, server)
	check(t, server.SwitchIdentity(time.Hour))
	wantSigners(t, server, second, first)
	check(t, server.DropExpired())
	wantPrivate(t, dir, true)

	start := time.Now()
	server.now = func() time.Time { return start.Add(time.Hour + time.Minute) }
	check(t, server.Check())
	wantSigners(t, server, second)
	wantPrivate(t, dir, true)
	check(t, server.DropExpired())
	wantPrivate(t, dir, false)
	check(t, server.Check())
	wantSigners(t, server, second)
	for _, s := range []*State{server, open(t, dir)} {
		if _, err := s.OpenCheckpoint(before); err != nil {
			t.Errorf("a checkpoint of before the switch: %v", err)
		}
		if list := s.Formers(); len(list) != 1 || list[0].Signs {
			t.Errorf("former identities: %+v", list)
		}
	}
}

// wantPrivate looks for a private key among the former identities.
func wantPrivate(t *testing.T, dir string, want bool) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, formerFile))
	check(t, err)
	if got := strings.Contains(string(text), "PRIVATE"); got != want {
		t.Errorf("a private key is kept: %t, want %t", got, want)
	}
}

// Where no server runs at the date, the next program that opens the state
// deletes the key.
func TestOpenDropsExpired(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	next(t, s)
	past := time.Now().Add(-2 * time.Hour)
	s.now = func() time.Time { return past }
	check(t, s.SwitchIdentity(time.Hour))
	wantPrivate(t, dir, true)
	wantSigners(t, open(t, dir), s.Identity())
	wantPrivate(t, dir, false)
}

func TestRetireFormer(t *testing.T) {
	dir := t.TempDir()
	server, command := open(t, dir), open(t, dir)
	for range maxSigners - 1 {
		next(t, command)
		check(t, command.SwitchIdentity(time.Hour))
	}
	next(t, command)
	if err := command.SwitchIdentity(time.Hour); !errors.Is(err, ErrManyFormer) {
		t.Errorf("one switch too many: %v", err)
	}
	check(t, server.Check())
	if n := strings.Count(string(signs(t, server)), "\n— "); n != maxSigners {
		t.Errorf("%d signatures", n)
	}
	if n, err := command.RetireFormer(); n != maxSigners-1 || err != nil {
		t.Errorf("retired %d, %v", n, err)
	}
	check(t, server.Check())
	wantSigners(t, server, command.Identity())
	wantPrivate(t, dir, false)
	last := next(t, command)
	check(t, command.SwitchIdentity(0))
	wantPrivate(t, dir, false)
	check(t, server.Check())
	wantSigners(t, server, last)
	if list := server.Formers(); len(list) != maxSigners {
		t.Errorf("former identities: %+v", list)
	}
}

func TestDiscardNext(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.DiscardNext(); !errors.Is(err, ErrNoNext) {
		t.Errorf("nothing to discard: %v", err)
	}
	discarded := next(t, s)
	check(t, s.DiscardNext())
	if len(s.Pins()) != 1 || next(t, s).Public().Equal(discarded.Public()) {
		t.Error("the discarded identity is still there")
	}
}
