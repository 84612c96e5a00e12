package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealpost/shared/crypto/identity"
)

// A switch is two steps. Cut short between them it has not happened, and the
// same command again makes it happen.
func TestSwitchCutShort(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	first := s.Identity()
	second := next(t, s)
	check(t, s.noteFormer(s.identities.get(), time.Hour))
	check(t, s.Check())
	for _, s := range []*State{s, open(t, dir)} {
		wantSigners(t, s, first)
		if !s.Identity().Public().Equal(first.Public()) || len(s.Formers()) != 0 || len(s.Pins()) != 2 {
			t.Errorf("half a switch shows: %v, %v", s.Formers(), s.Pins())
		}
	}
	s = open(t, dir)
	check(t, s.SwitchIdentity(time.Hour))
	wantSigners(t, s, second, first)
	if list := s.Formers(); len(list) != 1 {
		t.Errorf("former identities: %+v", list)
	}
}

// Where the current identity cannot be noted it is not replaced: its key would
// be lost.
func TestSwitchThatCannotNote(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	first := s.Identity()
	next(t, s)
	check(t, os.Mkdir(filepath.Join(dir, formerFile), 0o700))
	s.identities.former.path = filepath.Join(dir, "none") // it is read again before the switch
	if err := s.SwitchIdentity(time.Hour); err == nil {
		t.Error("switched")
	}
	check(t, os.Remove(filepath.Join(dir, formerFile)))
	again := open(t, dir)
	if !again.Identity().Public().Equal(first.Public()) || len(again.Pins()) != 2 {
		t.Error("the identity was replaced, or the next one lost")
	}
}

// A running server keeps its identity while another's key lies in its place.
func TestForeignIdentity(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	first := s.Identity()
	own, err := os.ReadFile(filepath.Join(dir, identityFile))
	check(t, err)
	stranger, err := identity.Generate()
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, identityFile), stranger.PEM(), 0o600))
	if err := s.Check(); !errors.Is(err, ErrForeignIdentity) {
		t.Errorf("exchanged: %v", err)
	}
	wantSigners(t, s, first)
	check(t, os.Remove(filepath.Join(dir, identityFile)))
	if err := s.Check(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("taken away: %v", err)
	}
	wantSigners(t, s, first)
	check(t, os.WriteFile(filepath.Join(dir, identityFile), own, 0o600))
	check(t, s.Check())
}

// Also while its files cannot be read a replaced identity keeps to its date.
func TestDamagedFormer(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	first, second := s.Identity(), next(t, s)
	check(t, s.SwitchIdentity(time.Hour))
	check(t, os.WriteFile(filepath.Join(dir, formerFile), []byte("\n{}\n"), 0o600))
	if err := s.Check(); !errors.Is(err, ErrFormerFile) || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("damaged: %v", err)
	}
	wantSigners(t, s, second, first)
	if _, err := Open(dir); !errors.Is(err, ErrFormerFile) {
		t.Errorf("opened: %v", err)
	}
	start := time.Now()
	s.now = func() time.Time { return start.Add(2 * time.Hour) }
	if err := s.Check(); !errors.Is(err, ErrFormerFile) {
		t.Errorf("damaged: %v", err)
	}
	wantSigners(t, s, second)
}

// Whenever a server looks while a command switches, it sees a whole identity.
func TestSwitchUnderReaders(t *testing.T) {
	dir := t.TempDir()
	server, command := open(t, dir), open(t, dir)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20 {
			_, err := command.NextIdentity()
			err = errors.Join(err, command.SwitchIdentity(time.Hour))
			_, e := command.RetireFormer()
			if err = errors.Join(err, e); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		check(t, server.Check())
		if _, err := server.OpenCheckpoint(signs(t, server)); err != nil {
			t.Fatal(err)
		}
	}
	if !server.Identity().Public().Equal(command.Identity().Public()) {
		t.Error("the server has not followed")
	}
}

func TestFormerLines(t *testing.T) {
	id, err := identity.Generate()
	check(t, err)
	other, err := identity.Generate()
	check(t, err)
	dir := t.TempDir()
	s := open(t, dir)
	check(t, s.writeFormer([]formerLine{{Key: id.Public(), Private: string(id.PEM())}, {Key: other.Public()}}))
	raw, err := os.ReadFile(filepath.Join(dir, formerFile))
	check(t, err)
	signer, mute, _ := strings.Cut(strings.TrimSuffix(string(raw), "\n"), "\n")
	for _, text := range []string{"", "\n", signer, mute + "\n\n" + signer + "\r\n"} {
		if _, err := parseFormer([]byte(text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	keyOf := func(line string) string { return line[:strings.Index(line, `","`)] }
	for name, text := range map[string]string{
		"no object":     "[]",
		"two objects":   mute + mute,
		"unknown field": strings.Replace(mute, "{", `{"x":1,`, 1),
		"no key":        strings.Replace(mute, keyOf(mute)+`",`, "{", 1),
		"short key":     strings.Replace(mute, keyOf(mute), `{"key":"AAAA`, 1),
		"another's key": strings.Replace(signer, keyOf(signer), keyOf(mute), 1),
		"no PEM":        strings.Replace(signer, "BEGIN", "BEGUN", 1),
		"cut":           signer[:len(signer)-1],
	} {
		if list, err := parseFormer([]byte(text)); !errors.Is(err, ErrFormerFile) || list != nil {
			t.Errorf("%s: %v, error %v", name, list, err)
		}
	}
}
