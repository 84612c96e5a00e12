package local

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// model is a disk that knows what has been flushed. It is stricter than any
// real one: a flush of a file covers its bytes and not its name, a flush of a
// directory its names and no bytes.
type model struct {
	names  map[string]*inode // as the running server sees them
	first  map[string]*inode // as they were at the start, all flushed
	moves  []*move
	inodes []*inode
}

type inode struct{ writes []*change }

// change is a write to a file or a cut of its end.
type change struct {
	cut     bool
	off     int64
	data    []byte
	flushed bool
}

// move is a change of names: a new one, another one, or none.
type move struct {
	file     *inode
	from, to string
	flushed  bool
}

// newModel starts from files that are all on stable storage.
func newModel(files map[string][]byte) *model {
	m := &model{names: map[string]*inode{}, first: map[string]*inode{}}
	for name, text := range files {
		file := &inode{writes: []*change{{data: text, flushed: true}}}
		m.names[name], m.first[name] = file, file
		m.inodes = append(m.inodes, file)
	}
	return m
}

func (m *model) apply(s Step) {
	file := m.names[s.Name]
	switch s.Op {
	case OpCreate:
		if file == nil {
			m.names[s.Name] = &inode{}
			m.inodes = append(m.inodes, m.names[s.Name])
			m.moves = append(m.moves, &move{file: m.names[s.Name], to: s.Name})
		}
	case OpWrite, OpAppend, OpCut:
		if file != nil {
			file.writes = append(file.writes, &change{cut: s.Op == OpCut, off: s.Off, data: s.Data})
		}
	case OpRename, OpRemove:
		if file != nil {
			delete(m.names, s.Name)
			if s.To != "" {
				m.names[s.To] = file
			}
			m.moves = append(m.moves, &move{file: file, from: s.Name, to: s.To})
		}
	case OpSync:
		if file != nil {
			file.flush()
		}
	case OpSyncDir:
		for _, mv := range m.moves {
			mv.flushed = mv.flushed || filepath.Dir(mv.from) == s.Name || filepath.Dir(mv.to) == s.Name
		}
	case OpSyncFS:
		for _, file := range m.inodes {
			file.flush()
		}
		for _, mv := range m.moves {
			mv.flushed = true
		}
	}
}

func (f *inode) flush() {
	for _, w := range f.writes {
		w.flushed = true
	}
}

// weather decides which changes that were not flushed reach the disk all the
// same.
type weather struct {
	name    string
	ordered bool // in the order they were made: a prefix, per file and of all moves
	keep    func() bool
	torn    func(n int) int // how much of a write that is kept
}

var (
	nothing    = weather{name: "nothing more", keep: func() bool { return false }}
	everything = weather{name: "everything", keep: func() bool { return true }, torn: func(n int) int { return n }}
)

func random(seed uint64, ordered bool) weather {
	rng := rand.New(rand.NewPCG(seed, 1))
	return weather{name: "at random", ordered: ordered,
		keep: func() bool { return rng.IntN(2) == 0 },
		torn: func(n int) int {
			if rng.IntN(4) > 0 || n == 0 {
				return n
			}
			return rng.IntN(n)
		}}
}

// after returns the files that are there once the power is back.
func (m *model) after(w weather) map[string][]byte {
	names := make(map[string]*inode, len(m.first))
	for name, file := range m.first {
		names[name] = file
	}
	for _, mv := range m.moves {
		if !mv.flushed && !w.keep() {
			if w.ordered {
				break
			}
			continue
		}
		if mv.from != "" && names[mv.from] == mv.file {
			delete(names, mv.from)
		}
		if mv.to != "" {
			names[mv.to] = mv.file
		}
	}
	files := make(map[string][]byte, len(names))
	for name, file := range names {
		files[name] = file.after(w)
	}
	return files
}

func (f *inode) after(w weather) (text []byte) {
	for _, c := range f.writes {
		data := c.data
		if !c.flushed {
			if !w.keep() {
				if w.ordered {
					return text
				}
				continue
			}
			data = data[:w.torn(len(data))]
		}
		text = c.onto(text, data)
		if w.ordered && len(data) < len(c.data) {
			return text
		}
	}
	return text
}

// onto makes the change; a hole reads as zeros.
func (c *change) onto(text, data []byte) []byte {
	if c.cut {
		return text[:min(int64(len(text)), c.off)]
	}
	if end := c.off + int64(len(data)); int64(len(text)) < end {
		text = append(text, make([]byte, end-int64(len(text)))...)
	}
	text = slices.Clone(text)
	copy(text[c.off:], data)
	return text
}

// put writes files into a fresh directory.
func put(t *testing.T, files map[string][]byte) (dir string) {
	t.Helper()
	dir = fastDir(t)
	for _, d := range []string{stagingDir, logsDir} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// fastDir is a directory in memory where there is one: the model keeps what a
// disk would lose.
func fastDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "logbook")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// files reads a logbook's directory.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	found := make(map[string][]byte)
	for _, d := range []string{stagingDir, logsDir} {
		entries, err := os.ReadDir(filepath.Join(dir, d))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := d + "/" + e.Name()
			found[name] = read(t, filepath.Join(dir, name))
		}
	}
	return found
}

func TestModel(t *testing.T) {
	m := newModel(map[string][]byte{"logs/old": []byte("old")})
	for _, s := range []Step{
		{Op: OpCreate, Name: "staging/a"}, {Op: OpWrite, Name: "staging/a", Data: []byte("bytes")},
		{Op: OpRename, Name: "staging/a", To: "logs/a"}, {Op: OpSyncDir, Name: "logs"},
		{Op: OpAppend, Name: "logs/old", Off: 3, Data: []byte(" and new")},
	} {
		m.apply(s)
	}
	want := func(name string, text string, files map[string][]byte) {
		t.Helper()
		if got, ok := files[name]; !ok || !bytes.Equal(got, []byte(text)) {
			t.Errorf("%s: %q", name, got)
		}
	}
	want("logs/a", "", m.after(nothing)) // its name was flushed, its bytes were not
	want("logs/old", "old", m.after(nothing))
	want("logs/a", "bytes", m.after(everything))
	m.apply(Step{Op: OpSync, Name: "logs/old"})
	want("logs/old", "old and new", m.after(nothing))
	m.apply(Step{Op: OpSyncFS})
	want("logs/a", "bytes", m.after(nothing))
}
