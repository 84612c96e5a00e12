package faults

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"sealpost/shared/logfile"
)

// damage is something that happens to log file n, or to line n of the manifest.
type damage struct {
	name string
	do   func(logs string, random *rand.Rand, n int) error
}

var damages = []damage{
	{"one flipped bit", func(logs string, random *rand.Rand, n int) error {
		return change(logs, n, func(text []byte) []byte {
			text[random.IntN(len(text))] ^= 1 << random.IntN(8)
			return text
		})
	}},
	{"a truncated file", func(logs string, random *rand.Rand, n int) error {
		return change(logs, n, func(text []byte) []byte { return text[:random.IntN(len(text))] })
	}},
	{"a longer file", func(logs string, _ *rand.Rand, n int) error {
		return change(logs, n, func(text []byte) []byte { return append(text, '\n') })
	}},
	{"a deleted file", func(logs string, _ *rand.Rand, n int) error {
		return os.Remove(filepath.Join(logs, logfile.FileName(uint64(n))))
	}},
	{"a line with another digest", editLine(`"file_sha256":"`, "01")},
	{"a line with another size", editLine(`"size":`, "12")},
	{"a line with another message name", editLine(`"name":"`, "nm")},
	{"a line with another sender", editLine(`"sender":"`, "ps")},
	{"a line with another time", editLine(`"received_at":"20`, "34")},
	{"a line that is none", editLine(`{"`, "vw")},
}

// change rewrites log file n.
func change(logs string, n int, edit func([]byte) []byte) error {
	path := filepath.Join(logs, logfile.FileName(uint64(n)))
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, edit(text), 0o644)
}

// editLine replaces the character behind a word of manifest line n with one of
// two. All lines keep their places.
func editLine(word, by string) func(string, *rand.Rand, int) error {
	return func(logs string, _ *rand.Rand, n int) error {
		path := filepath.Join(logs, logfile.ManifestName)
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lines := bytes.SplitAfter(text, []byte("\n"))
		at := bytes.Index(lines[n], []byte(word)) + len(word)
		if lines[n][at] == by[0] {
			lines[n][at] = by[1]
		} else {
			lines[n][at] = by[0]
		}
		return os.WriteFile(path, bytes.Join(lines, nil), 0o644)
	}
}

// TestVerify damages one file or line at a time. verify finds that one and no
// other, and the server beside it goes on.
func TestVerify(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	f := newFleet(s, s.listen, 3, defaultStall)
	s.start()
	s.await(ready)
	for range 12 {
		f.mustDeliver(f.next())
	}
	random := rand.New(rand.NewPCG(*seed, 9))
	for range rounds(1, 20) {
		for _, d := range damages {
			s.damaged(f, d, random)
		}
	}
	if out, complaint, status := s.command("verify"); status != 0 {
		t.Errorf("the repaired volume: status %d:\n%s%s", status, out, complaint)
	}
	s.stop()
	results.report(t, "09 damaged file or line", s.audit(f.ledger))
}

func (s *server) damaged(f *fleet, d damage, random *rand.Rand) {
	s.t.Helper()
	logs := filepath.Join(s.data, "logs")
	n := random.IntN(s.kept() - 1)
	before := readAll(s.t, logs)
	if err := d.do(logs, random, n); err != nil {
		s.t.Fatal(err)
	}
	out, complaint, status := s.command("verify")
	if found := named(out + complaint); status != 1 || !slices.Equal(found, []int{n}) {
		s.t.Errorf("%s: verify ends with %d and names %v, want 1 and %d:\n%s%s", d.name, status, found, n, out, complaint)
	}
	f.mustDeliver(f.next())
	if status, reason := s.readyz(s.t.Context()); status != ready {
		s.t.Errorf("%s: not ready: %s", d.name, reason)
	}
	s.repair(logs, before)
}

// named are the numbers of the log files or manifest lines that verify names.
func named(out string) []int {
	var found []int
	for _, match := range regexp.MustCompile(`server_message(\d+)\.txt|line (\d+)`).FindAllStringSubmatch(out, -1) {
		if n, err := strconv.Atoi(match[1] + match[2]); err == nil {
			found = append(found, n)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func readAll(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]byte)
	for _, e := range entries {
		if all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// repair puts back what was damaged. The manifest has grown since: its old part
// goes back in place, under the running server.
func (s *server) repair(dir string, before map[string][]byte) {
	s.t.Helper()
	for name, text := range before {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE, 0o644)
		if err != nil {
			s.t.Fatal(err)
		}
		_, err = f.WriteAt(text, 0)
		if err == nil && name != logfile.ManifestName {
			err = f.Truncate(int64(len(text)))
		}
		if e := f.Close(); err == nil {
			err = e
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
}
