package state

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A state with the common files of another one is that server, but for what is its own.
func TestCommon(t *testing.T) {
	from, dir := open(t, t.TempDir()), t.TempDir()
	to := open(t, dir)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(to.SetCheckpoint([]byte("its own")))
	tok, err := from.AddSender("store-17")
	check(err)
	_, err = from.NextIdentity()
	check(err)
	take := func() *State {
		t.Helper()
		files, err := ReadCommon(from.dir)
		check(err)
		check(WriteCommon(dir, files))
		again, err := ReadCommon(dir)
		check(err)
		if !maps.EqualFunc(files, again, bytes.Equal) {
			t.Error("read back they are others")
		}
		return open(t, dir)
	}
	to = take()
	if _, ok := to.Authenticate(tok.Reveal()); !ok || to.LogbookID() != from.LogbookID() || len(to.Pins()) != 2 {
		t.Errorf("logbook %s, %d pins", to.LogbookID(), len(to.Pins()))
	}
	check(from.SwitchIdentity(time.Hour))
	take()
	check(to.Check()) // the one that runs follows
	if !to.Identity().Public().Equal(from.Identity().Public()) || len(to.Pins()) != 1 || len(to.Formers()) != 1 {
		t.Errorf("%d pins, %d formers", len(to.Pins()), len(to.Formers()))
	}
	if text, err := to.Checkpoint(); err != nil || string(text) != "its own" {
		t.Errorf("checkpoint %q, %v", text, err)
	}
}

func TestCommonOfANewerServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	err := WriteCommon(dir, map[string][]byte{identityFile: {}, logbookFile: {}, "of_tomorrow": nil})
	if _, statErr := os.Stat(dir); !errors.Is(err, ErrCommonFile) || !os.IsNotExist(statErr) {
		t.Errorf("%v, %v", err, statErr)
	}
}

// Each file is written before those that rest on it.
func TestCommonOrder(t *testing.T) {
	at := make(map[string]int)
	for i, f := range commonFiles {
		at[f.name] = i
	}
	for before, after := range map[string]string{
		formerFile: identityFile, identityFile: nextFile, limitsFile: sendersFile,
	} {
		if at[before] > at[after] {
			t.Errorf("%s comes after %s", before, after)
		}
	}
}
