package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"sealpost/shared/bounded"
)

// TestShow: a file gets its name only as itself, and takes no other's.
func TestShow(t *testing.T) {
	exchange := func(dir, name string) error {
		path := filepath.Join(dir, name)
		return errors.Join(os.Rename(path, path+".away"), os.WriteFile(path, []byte("other"), 0o644))
	}
	for _, c := range []struct {
		name           string
		before, during func(dir string) error
		after          func(dir string) error
		want           error
		shown          string
	}{
		{name: "alone", shown: "whole"},
		{name: "exchanged before", before: func(dir string) error { return exchange(dir, "part") }, want: ErrExchanged},
		{name: "exchanged meanwhile", during: func(dir string) error { return exchange(dir, "part") }, want: ErrExchanged,
			shown: "other"},
		{name: "taken away at once", after: func(dir string) error { return os.Remove(filepath.Join(dir, "file")) }},
		{name: "taken", before: func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "file"), []byte("mine"), 0o644)
		}, want: fs.ErrExist, shown: "mine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, ops := t.TempDir(), system
			ops.rename = func(d *Dir, name string, to *Dir, newName string, by renamer) error {
				if c.during != nil {
					if err := c.during(dir); err != nil {
						t.Error(err)
					}
				}
				err := renameAt(d, name, to, newName, by)
				if c.after != nil {
					err = errors.Join(err, c.after(dir))
				}
				return err
			}
			d, err := openDirWith(&ops, dir)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			f, err := d.Create("part", 0o644, Keep)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteString("whole"); err != nil {
				t.Fatal(err)
			}
			if c.before != nil {
				if err := c.before(dir); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := d.Show(f, "part", "file"); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if text, _ := d.ReadFile("file", 5); string(text) != c.shown {
				t.Errorf("it shows %q, want %q", text, c.shown)
			}
		})
	}
}

func TestReadFileIsBounded(t *testing.T) {
	d, _ := open(t)
	for most, want := range map[int64]error{7: nil, 6: bounded.ErrTooLong} {
		if text, err := d.ReadFile("file", most); !errors.Is(err, want) || want == nil && string(text) != "content" {
			t.Errorf("at most %d: %q, %v", most, text, err)
		}
	}
	for _, name := range []string{"link", "pipe", "sub"} {
		if _, err := d.ReadFile(name, 7); !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestUnnamed(t *testing.T) {
	d, err := OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	f, err := d.Unnamed()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("text"); err != nil {
		t.Error(err)
	}
	info, err := Stat(f)
	if err != nil || info.Links() != 0 || info.Mode() != 0o600 || info.Size() != 4 {
		t.Errorf("%d names, mode %v, %d bytes, %v", info.Links(), info.Mode(), info.Size(), err)
	}
	onlyFile(t, d.Path())
}
