// Package durabletest is for tests of what survives a power cut: a disk that
// knows what has been flushed, and a tracer that sees which operations a program
// really asks its kernel for.
package durabletest

import (
	"path"
	"slices"
)

// Kind is a kind of operation.
type Kind string

// The operations that a Disk knows.
const (
	Create  Kind = "create" // a file, unless it is there
	Mkdir   Kind = "mkdir"
	Write   Kind = "write"
	Cut     Kind = "cut" // a file's end
	Rename  Kind = "rename"
	Remove  Kind = "remove"
	Sync    Kind = "sync"     // a file's bytes
	SyncDir Kind = "sync dir" // the names in a directory
	SyncAll Kind = "sync all" // everything
	// Failed is a flush of a file that failed: the kernel takes the bytes for
	// written, and no later flush tries them again.
	Failed Kind = "failed sync"
)

// Op is one operation. Names are below one directory, with "/", and that
// directory itself is "".
type Op struct {
	Kind Kind
	Name string
	To   string // the new name, of a rename
	Off  int64  // of a write; the new size, of a cut
	Data []byte // of a write
}

// Disk knows what has been flushed. It is stricter than any real one: a flush of
// a file covers its bytes and not its name, a flush of a directory its names and
// no bytes. A rename happens or does not, and is certain only once both
// directories have been flushed.
type Disk struct {
	root  *node
	names map[entry]*node // as the running program sees them
	first map[entry]*node // as they were at the start, all flushed
	moves []*move
	nodes []*node
}

// node is a file or a directory, whatever its name is.
type node struct {
	dir    bool
	writes []*change
}

// entry is a name in a directory.
type entry struct {
	dir  *node
	name string
}

// change is a write to a file or a cut of its end.
type change struct {
	cut     bool
	off     int64
	data    []byte
	flushed bool
	lost    bool // to every later flush: one has failed
}

// move is a change of names: a new one, another one, or none.
type move struct {
	node     *node
	from, to entry // of no directory: there is none
	done     []*node
}

// New returns a disk with these files, all on stable storage. A name that ends
// in "/" is a directory; those above a file need no entry of their own.
func New(files map[string][]byte) *Disk {
	root := &node{dir: true}
	d := &Disk{root: root, names: map[entry]*node{}, first: map[entry]*node{}}
	for name, text := range files {
		if name[len(name)-1] == '/' {
			d.mkdirAll(path.Clean(name))
			continue
		}
		d.mkdirAll(path.Dir(name))
		d.add(name, &node{writes: []*change{{data: text, flushed: true}}})
	}
	for at, n := range d.names {
		d.first[at] = n
	}
	d.moves = nil
	return d
}

func (d *Disk) mkdirAll(name string) {
	if n, _ := d.find(name); n != nil {
		return
	}
	d.mkdirAll(path.Dir(name))
	d.add(name, &node{dir: true})
}

// find returns what has the name, nil where that is nothing, and the entry that
// it has or would have.
func (d *Disk) find(name string) (*node, entry) {
	name = path.Clean("/" + name)
	if name == "/" {
		return d.root, entry{}
	}
	parent, _ := d.find(path.Dir(name))
	at := entry{parent, path.Base(name)}
	return d.names[at], at
}

func (d *Disk) add(name string, n *node) {
	_, at := d.find(name)
	d.names[at] = n
	d.nodes = append(d.nodes, n)
	d.moves = append(d.moves, &move{node: n, to: at})
}

// Apply makes an operation. What it names must be there: others are ignored, as
// those of files that lie elsewhere.
func (d *Disk) Apply(op Op) {
	n, at := d.find(op.Name)
	switch op.Kind {
	case Create, Mkdir:
		if n == nil && at.dir != nil {
			d.add(op.Name, &node{dir: op.Kind == Mkdir})
		}
		return
	case SyncAll:
		d.flush()
		return
	}
	if n == nil {
		return
	}
	switch op.Kind {
	case Write, Cut:
		n.writes = append(n.writes, &change{cut: op.Kind == Cut, off: op.Off, data: op.Data})
	case Rename:
		_, to := d.find(op.To)
		delete(d.names, at)
		d.names[to] = n
		d.moves = append(d.moves, &move{node: n, from: at, to: to})
	case Remove:
		delete(d.names, at)
		d.moves = append(d.moves, &move{node: n, from: at})
	case Sync:
		n.flush()
	case Failed:
		n.fail()
	case SyncDir:
		for _, mv := range d.moves {
			mv.done = append(mv.done, n)
		}
	}
}

func (d *Disk) flush() {
	for _, n := range d.nodes {
		n.flush()
	}
	for _, mv := range d.moves {
		mv.done = append(mv.done, mv.from.dir, mv.to.dir)
	}
}

func (n *node) flush() {
	for _, w := range n.writes {
		w.flushed = w.flushed || !w.lost
	}
}

func (n *node) fail() {
	for _, w := range n.writes {
		w.lost = !w.flushed
	}
}

// flushed reports whether every directory that it changed has been.
func (mv *move) flushed() bool {
	return (mv.from.dir == nil || slices.Contains(mv.done, mv.from.dir)) &&
		(mv.to.dir == nil || slices.Contains(mv.done, mv.to.dir))
}
