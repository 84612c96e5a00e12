package faults

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// putter puts bursts of files into an outbox, as a careful program does: each
// file is durable under a name that clients leave alone before it gets its own.
// So a power cut takes none away, at whatever moment, and leaves none half put
// in: what has the hidden name still is shown again, and what has not was taken.
type putter struct {
	box   *box
	burst []string // the names of the last one
}

// write makes the files of a burst durable under their hidden names.
func (p *putter) write(files int) {
	b := p.box
	b.t.Helper()
	p.burst = nil
	for range files {
		n := uint64(len(b.files))
		file := newParcel(0, *seed, n)
		writeDurably(b.t, p.hidden(file.Name), content(*seed, n))
		b.files[file.Name] = file
		p.burst = append(p.burst, file.Name)
	}
	p.sync()
}

func (p *putter) hidden(name string) string { return filepath.Join(p.box.dir, "."+name) }

// show gives the files their names, which are not durable yet. Once the power
// was cut some of them may have been durable before.
func (p *putter) show(again bool) {
	p.box.t.Helper()
	for _, name := range p.burst {
		err := os.Rename(p.hidden(name), filepath.Join(p.box.dir, name))
		if err != nil && !(again && errors.Is(err, fs.ErrNotExist)) {
			p.box.t.Fatal(err)
		}
	}
}

// sync makes names durable.
func (p *putter) sync() {
	p.box.t.Helper()
	dir, err := os.Open(p.box.dir)
	if err != nil {
		p.box.t.Fatal(err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		p.box.t.Fatal(err)
	}
}

func writeDurably(t *testing.T, path string, text []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}
