package scan

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"sealpost/shared/durable"
	"sealpost/shared/ignore"
)

func open(t *testing.T, path string) *durable.Dir {
	t.Helper()
	d, err := durable.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// put makes files of these paths, and their directories.
func put(t *testing.T, dir string, paths ...string) {
	t.Helper()
	for _, path := range paths {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// found is what a whole scan finds.
type found struct {
	names   map[string]int // how often each is listed
	odd     map[string]string
	ignored int
	most    int // names in a piece
}

func scan(t *testing.T, d *durable.Dir, cfg Config, each func(Piece)) found {
	t.Helper()
	f := found{names: make(map[string]int), odd: make(map[string]string)}
	for p, err := range Files(d, cfg) {
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range p.Names {
			f.names[p.Below+name]++
			if _, err := p.Dir.Lstat(name); err != nil {
				t.Error(err)
			}
		}
		for _, odd := range p.Odd {
			f.odd[odd.Path] = odd.Is
		}
		f.ignored += p.Ignored
		f.most = max(f.most, len(p.Names))
		if each != nil {
			each(p)
		}
	}
	return f
}

func once(names ...string) map[string]int {
	want := make(map[string]int)
	for _, name := range names {
		want[name]++
	}
	return want
}

func TestWhatIsAMessage(t *testing.T) {
	dir, away := t.TempDir(), t.TempDir()
	put(t, away, "not ours")
	put(t, dir, "a", "sub/b", "sub/deeper/c", "sub/sent/d", ".hidden", "x.part", "sub/.hidden", "sub/y.part",
		".sending/id/e", "sub/.sending/f", "sent/g", "refused/h", "z.part/i")
	for name, to := range map[string]string{"link": away, "sub/link": away, "sub/file link": filepath.Join(dir, "a")} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "sub/pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	var entered []string
	cfg := Config{
		Recursive: true, Ignore: ignore.Patterns{"*.part"}, Most: 100,
		Entering: func(path string) { entered = append(entered, strings.TrimPrefix(path, dir)) },
	}
	f := scan(t, open(t, dir), cfg, nil)
	if want := once("a", "sub/b", "sub/deeper/c", "sub/sent/d"); !maps.Equal(f.names, want) || f.ignored != 2 {
		t.Errorf("%v, want %v; %d ignored", f.names, want, f.ignored)
	}
	odd := map[string]string{
		"link": "a symbolic link", "sub/link": "a symbolic link", "sub/file link": "a symbolic link",
		"sub/pipe": "a named pipe",
	}
	if !maps.Equal(f.odd, odd) {
		t.Errorf("odd: %v", f.odd)
	}
	if slices.Sort(entered); !slices.Equal(entered, []string{"", "/sub", "/sub/deeper", "/sub/sent"}) {
		t.Errorf("entered %q", entered)
	}

	cfg.Recursive = false
	f = scan(t, open(t, dir), cfg, nil)
	odd = map[string]string{"link": "a symbolic link", "sub": "a directory", "z.part": "a directory"}
	if !maps.Equal(f.names, once("a")) || f.ignored != 1 || !maps.Equal(f.odd, odd) {
		t.Errorf("alone: %+v", f)
	}
}

// Files are taken away while they are listed, and come in pieces.
func TestManyFiles(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i := range 3000 {
		want = append(want, fmt.Sprintf("%d/%d/message", i%7, i))
		if i%3 == 0 {
			want = append(want, fmt.Sprintf("%d/%d", i%7, i*1000+1))
		}
	}
	put(t, dir, want...)
	away := open(t, t.TempDir())
	f := scan(t, open(t, dir), Config{Recursive: true, Most: 50}, func(p Piece) {
		for i, name := range p.Names {
			if err := p.Dir.RenameOnly(name, away, fmt.Sprint(strings.ReplaceAll(p.Below, "/", "-"), i, name)); err != nil {
				t.Fatal(err)
			}
		}
	})
	if !maps.Equal(f.names, once(want...)) || f.most > 50 {
		t.Errorf("%d names, want %d; %d in a piece", len(f.names), len(want), f.most)
	}
}

// What becomes a link after its name was read is not followed.
func TestExchangedForALink(t *testing.T) {
	dir, away := t.TempDir(), t.TempDir()
	put(t, away, "deeper/not ours")
	put(t, dir, "sub/deeper/ours", "a")
	exchanged := false
	f := scan(t, open(t, dir), Config{Recursive: true, Most: 10}, func(p Piece) {
		if exchanged {
			return
		}
		exchanged = true
		if err := os.Rename(filepath.Join(dir, "sub"), filepath.Join(dir, ".away")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(away, filepath.Join(dir, "sub")); err != nil {
			t.Fatal(err)
		}
	})
	if !maps.Equal(f.names, once("a")) || len(f.odd) > 0 {
		t.Errorf("%+v", f)
	}
}

// Directories in one another come to an end.
func TestDepth(t *testing.T) {
	dir := t.TempDir()
	within := strings.Repeat("d/", MostDepth)
	put(t, dir, within+"message", within+"d/too deep")
	f := scan(t, open(t, dir), Config{Recursive: true, Most: 10}, nil)
	if !maps.Equal(f.names, once(within+"message")) || !maps.Equal(f.odd, map[string]string{within + "d": tooDeep}) {
		t.Errorf("%+v", f)
	}
}

// A scan may be left at any time.
func TestLeftEarly(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a/b/c", "a/d", "e")
	for pieces := range 4 {
		n := 0
		for range Files(open(t, dir), Config{Recursive: true, Most: 1}) {
			if n++; n > pieces {
				break
			}
		}
		if n != pieces+1 {
			t.Errorf("%d pieces", n)
		}
	}
}

// The outbox itself must be readable.
func TestClosedRoot(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range Files(d, Config{Most: 1}) {
		if n++; err == nil {
			t.Error("no error")
		}
	}
	if n != 1 {
		t.Errorf("%d pieces", n)
	}
}
