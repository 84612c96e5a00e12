package durabletest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// walk is the way that a path goes.
type walk struct {
	from  From
	start string   // where that lies
	names []string // the components that are walked from there, without "."
}

// ends are the places that the walk leads to: by its names alone, and with the
// links in its directories, and then in its last component, followed.
func (w walk) ends() []string {
	if w.from == "" {
		return nil
	}
	path := filepath.Join(append([]string{w.start}, w.names...)...)
	return []string{path, filepath.Join(resolved(filepath.Dir(path)), filepath.Base(path)), resolved(path)}
}

// resolved is a path with its links followed, as far as it is there.
func resolved(path string) string {
	for rest := ""; ; path, rest = filepath.Dir(path), filepath.Join(filepath.Base(path), rest) {
		if end, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Join(end, rest)
		}
	}
}

func components(path string) (names []string) {
	for name := range strings.SplitSeq(path, "/") {
		if name != "" && name != "." {
			names = append(names, name)
		}
	}
	return names
}

// descriptor matches the names that Linux has for what a process has open.
var descriptor = regexp.MustCompile(`^/(?:proc/(?:self|thread-self|[0-9]+)|dev)/fd/([0-9]+)(?:/|$)`)

// walk reads one path of a call. It has no start where the call has no path, or
// one without a start.
func (p process) walk(at pathArg, args [6]uint64) walk {
	path, ok := p.text(at, args)
	if !ok {
		return walk{}
	}
	if m := descriptor.FindStringSubmatch(path); m != nil {
		var fd uint64
		_, _ = fmt.Sscan(m[1], &fd)
		return walk{FromOpen, p.place(fd), components(path[len(m[0]):])}
	}
	switch {
	case filepath.IsAbs(path):
		return walk{FromTop, "/", components(path)}
	case at.dir == none || int32(args[at.dir]) == unix.AT_FDCWD:
		cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", p))
		return walk{FromWorking, cwd, components(path)}
	}
	return walk{FromOpen, p.place(args[at.dir]), components(path)}
}

// place is where an open file lies, or lay before it was removed.
func (p process) place(fd uint64) string {
	return strings.TrimSuffix(p.open(fd), " (deleted)")
}

// text reads a path. One that is missing stands for the open file itself, as ""
// does, in the calls that have a descriptor; in others it is none.
func (p process) text(at pathArg, args [6]uint64) (path string, ok bool) {
	from := args[at.path]
	if at.socket {
		return p.socketPath(from)
	}
	if from == 0 {
		return "", at.dir != none
	}
	text, _, _ := bytes.Cut(p.read(from, unix.PathMax), []byte{0})
	return string(text), len(text) > 0 || at.dir != none && int32(args[at.dir]) != unix.AT_FDCWD
}

// socketPath reads the path of a struct sockaddr_un.
func (p process) socketPath(from uint64) (path string, ok bool) {
	const room = 2 + 108
	address := p.read(from, room)
	if len(address) < 3 || binary.NativeEndian.Uint16(address) != unix.AF_UNIX {
		return "", false
	}
	text, _, _ := bytes.Cut(address[2:], []byte{0})
	return string(text), len(text) > 0 // else a name without a file
}
