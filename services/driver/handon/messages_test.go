package handon_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/driver/handon"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/logfile"
)

// newMessages hands on to a directory of messages alone.
func newMessages(t *testing.T) (p *place, dir string) {
	p = newPlace(t, 0)
	dir = filepath.Join(t.TempDir(), "deep", "messages")
	p.cfg.Messages, p.cfg.Hook = dir, nil
	return p, dir
}

func compare(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	got := durabletest.Get(t, dir)
	for name, text := range want {
		if there, ok := got[name]; !ok || string(there) != text {
			t.Errorf("%s: %q, there: %v", name, there, ok)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files: %q", len(got), got)
	}
}

// TestMessages: each alone under its number and name, which leads nowhere else.
func TestMessages(t *testing.T) {
	p, dir := newMessages(t)
	long := strings.Repeat("ü", 127)
	for _, name := range []string{"a.txt", "../../etc/passwd", "/", "..", ".hidden", long, "-rf"} {
		p.v.Add(name, []byte("of "+name))
	}
	p.v.AddEnciphered("e", []byte("deciphered"), "secret")
	p.green(p.run())
	compare(t, dir, map[string]string{
		"0-a.txt": "of a.txt", "1-.._.._etc_passwd": "of ../../etc/passwd", "2-_": "of /", "3-..": "of ..",
		"4-.hidden": "of .hidden", "5-" + long[:252]: "of " + long, "6--rf": "of -rf", "7-e": "deciphered",
	})
	p.holds("handed", "8\n")
}

func TestFileName(t *testing.T) {
	for _, test := range []struct {
		number uint64
		name   string
		want   string
	}{
		{7, "", "7-message"},
		{1<<64 - 1, strings.Repeat("x", 255), "18446744073709551615-" + strings.Repeat("x", 234)},
		{0, "a\nb\x1b", `0-a\x0ab\x1b`}, // which no manifest line has
	} {
		if got := handon.FileName(logfile.Entry{Seq: test.number, Name: test.name}); got != test.want {
			t.Errorf("%q", got)
		}
	}
}

// TestMessagesWithAHook: the hook gets that file, which stays.
func TestMessagesWithAHook(t *testing.T) {
	p, dir := newMessages(t)
	p.v.Add("a.txt", []byte("text"))
	p.cfg.Hook, p.to.file = p.to, true
	p.green(p.run())
	if len(p.to.text) != 1 || p.to.text[0] != "text" {
		t.Errorf("messages %q", p.to.text)
	}
	compare(t, dir, map[string]string{"0-a.txt": "text"})
}

// TestMessageIsThere already, as after a crash: it is as good, and what a crash left
// half written goes.
func TestMessageIsThere(t *testing.T) {
	p, dir := newMessages(t)
	p.v.Add("a.txt", []byte("text"))
	p.v.Add("b.txt", []byte("whole"))
	durabletest.Put(t, dir, map[string][]byte{"0-a.txt": []byte("text"), ".1.part": []byte("who")})
	p.green(p.run())
	compare(t, dir, map[string]string{"0-a.txt": "text", "1-b.txt": "whole"})
}

// TestMessagesNameIsTaken: nothing is replaced or followed.
func TestMessagesNameIsTaken(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for what, plant := range map[string]func(path string) error{
		"another text": func(path string) error { return os.WriteFile(path, []byte("mine"), 0o644) },
		"a longer one": func(path string) error { return os.WriteFile(path, []byte("text and more"), 0o644) },
		"a link":       func(path string) error { return os.Symlink(other, path) },
		"a dead link":  func(path string) error { return os.Symlink(other+"-gone", path) },
		"a directory":  func(path string) error { return os.Mkdir(path, 0o755) },
	} {
		t.Run(what, func(t *testing.T) {
			p, dir := newMessages(t)
			p.v.Add("a.txt", []byte("text"))
			err := os.MkdirAll(dir, 0o755)
			if err == nil {
				err = plant(filepath.Join(dir, "0-a.txt"))
			}
			if err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(filepath.Join(dir, "0-a.txt"))
			if err != nil {
				t.Fatal(err)
			}
			if e := only[*handon.StoppedError](p, p.run()); !errors.Is(e, handon.ErrTaken) {
				t.Errorf("%v", e)
			}
			after, err := os.Lstat(filepath.Join(dir, "0-a.txt"))
			if err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
				t.Errorf("it was changed: %v", err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("beside it: %v, %v", left, err)
			}
		})
	}
}

// TestPartIsALink: what lies where a message is written goes, and nothing is written
// through it.
func TestPartIsALink(t *testing.T) {
	p, dir := newMessages(t)
	p.v.Add("a.txt", []byte("text"))
	other := filepath.Join(t.TempDir(), "other")
	durabletest.Put(t, filepath.Dir(other), map[string][]byte{"other": []byte("private")})
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.Symlink(other, filepath.Join(dir, ".0.part"))); err != nil {
		t.Fatal(err)
	}
	p.green(p.run())
	compare(t, dir, map[string]string{"0-a.txt": "text"})
	compare(t, filepath.Dir(other), map[string]string{"other": "private"})
}
