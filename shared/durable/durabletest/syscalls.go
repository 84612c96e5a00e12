package durabletest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// call is a system call under way that changes or flushes files below the root.
type call struct {
	op  Op
	cut bool // of a file that is opened: its content goes
}

// done returns what a call did that ended with that result.
func (c *call) done(result int64) []Op {
	switch {
	case c.op.Kind == Write:
		c.op.Data = c.op.Data[:min(int64(len(c.op.Data)), result)]
	case c.op.Kind == Create && c.cut:
		return []Op{c.op, {Kind: Cut, Name: c.op.Name}}
	}
	return []Op{c.op}
}

// recorder lists what a command does below the root.
type recorder struct {
	root string
	ops  []Op
}

func (r *recorder) enter(tid int, nr uint64, a [6]uint64) (end func(result int64)) {
	c := r.call(tid, nr, a)
	if c == nil {
		return nil
	}
	return func(result int64) {
		if result >= 0 {
			r.ops = append(r.ops, c.done(result)...)
		}
	}
}

// call reads a call and what it points to; nil where it is of no interest.
func (r *recorder) call(tid int, nr uint64, a [6]uint64) *call {
	p := process(tid)
	switch nr {
	case unix.SYS_OPENAT:
		if a[2]&unix.O_CREAT == 0 && a[2]&unix.O_TRUNC == 0 {
			return nil
		}
		c := r.on(Create, p.path(a[0], a[1]))
		if c != nil {
			c.cut = a[2]&unix.O_TRUNC != 0
		}
		return c
	case unix.SYS_MKDIRAT:
		return r.on(Mkdir, p.path(a[0], a[1]))
	case unix.SYS_UNLINKAT:
		return r.on(Remove, p.path(a[0], a[1]))
	case unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2:
		return r.renames(p.path(a[0], a[1]), p.path(a[2], a[3]))
	case unix.SYS_LINKAT, unix.SYS_SYMLINKAT, unix.SYS_COPY_FILE_RANGE, unix.SYS_FALLOCATE, unix.SYS_WRITEV,
		unix.SYS_PWRITEV:
		return r.unknown(nr, p, a)
	default:
		return r.onOpen(p, nr, a)
	}
}

// onOpen is for calls whose first argument is an open file.
func (r *recorder) onOpen(p process, nr uint64, a [6]uint64) *call {
	switch nr {
	case unix.SYS_WRITE, unix.SYS_PWRITE64:
		c := r.on(Write, p.open(a[0]))
		if c == nil {
			return nil
		}
		c.op.Data = p.read(a[1], a[2])
		if c.op.Off = offset64(a[3], a[4]); nr == unix.SYS_WRITE {
			c.op.Off = p.offset(a[0])
		}
		return c
	case sysFtruncate:
		c := r.on(Cut, p.open(a[0]))
		if c != nil {
			c.op.Off = offset64(a[1], a[2])
		}
		return c
	case unix.SYS_FSYNC, unix.SYS_FDATASYNC:
		name := p.open(a[0])
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			return r.on(SyncDir, name)
		}
		return r.on(Sync, name)
	case unix.SYS_SYNCFS:
		return r.on(SyncAll, p.open(a[0]))
	}
	return nil
}

// on is a call on a file below the root.
func (r *recorder) on(kind Kind, path string) *call {
	if name, ok := r.below(path); ok {
		return &call{op: Op{Kind: kind, Name: name}}
	}
	return nil
}

// renames is a rename below the root. One into it, or out of it, is nothing that
// a Disk could tell.
func (r *recorder) renames(from, to string) *call {
	c := r.on(Rename, from)
	if c == nil {
		return nil
	}
	c.op.To, _ = r.below(to)
	return c
}

// unknown stands for a call that a Disk does not know: nothing that follows
// could be trusted, so it shows in the list.
func (r *recorder) unknown(nr uint64, p process, a [6]uint64) *call {
	for _, path := range []string{p.open(a[0]), p.open(a[2]), p.path(a[0], a[1]), p.path(a[2], a[3])} {
		if c := r.on(Kind(fmt.Sprint("system call ", nr)), path); c != nil {
			return c
		}
	}
	return nil
}

func (r *recorder) below(path string) (name string, ok bool) {
	if path == r.root {
		return "", true
	}
	return strings.CutPrefix(path, r.root+"/")
}

// process is a traced thread.
type process int

func (p process) open(fd uint64) string {
	path, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", p, int32(fd)))
	return path
}

func (p process) path(dir, name uint64) string {
	text, _, _ := bytes.Cut(p.read(name, unix.PathMax), []byte{0})
	path := string(text)
	switch {
	case path == "" || filepath.IsAbs(path):
	case int32(dir) == unix.AT_FDCWD:
		cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", p))
		path = filepath.Join(cwd, path)
	default:
		path = filepath.Join(p.open(dir), path)
	}
	return filepath.Clean(path)
}

// read reads its memory, up to the end of what is mapped there.
func (p process) read(from, n uint64) []byte {
	buf := make([]byte, n)
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", p))
	if err != nil {
		return nil
	}
	defer func() { _ = mem.Close() }()
	got, _ := mem.ReadAt(buf, int64(from))
	return buf[:got]
}

// offset is where the next write of an open file goes.
func (p process) offset(fd uint64) (at int64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", p, int32(fd)))
	var flags int
	_, _ = fmt.Sscanf(string(text), "pos:\t%d\nflags:\t%o", &at, &flags)
	if info, err := os.Stat(p.open(fd)); err == nil && flags&unix.O_APPEND != 0 {
		return info.Size()
	}
	return at
}
