package durabletest

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Survival decides which changes that were not flushed reach the disk all the
// same.
type Survival struct {
	Name    string
	Ordered bool // in the order they were made: per file, and of all names, up to one
	keep    func() bool
	torn    func(n int) int // how much of a write that is kept
}

// The two extremes.
var (
	Nothing    = Survival{Name: "nothing more", keep: func() bool { return false }}
	Everything = Survival{Name: "everything", keep: func() bool { return true }, torn: func(n int) int { return n }}
)

// AtRandom keeps every second change, and of some writes a part.
func AtRandom(seed uint64, ordered bool) Survival {
	rng := rand.New(rand.NewPCG(seed, 1))
	return Survival{Name: "at random", Ordered: ordered,
		keep: func() bool { return rng.IntN(2) == 0 },
		torn: func(n int) int {
			if rng.IntN(4) > 0 || n == 0 {
				return n
			}
			return rng.IntN(n)
		}}
}

// AllBut keeps everything but one change, the nth of those that were not flushed,
// from 0: names first, in their order.
func AllBut(n int) Survival {
	return Survival{Name: fmt.Sprintf("everything but change %d", n),
		keep: func() bool { n--; return n != -1 },
		torn: func(n int) int { return n }}
}

// After returns what is there once the power is back: the content of every file
// by its name, and every directory under its name with a "/" behind.
func (d *Disk) After(w Survival) map[string][]byte {
	names := make(map[entry]*node, len(d.first))
	for at, n := range d.first {
		names[at] = n
	}
	ended := false
	for _, mv := range d.moves {
		if !mv.flushed() && (ended || !w.keep()) {
			ended = w.Ordered
			continue
		}
		if names[mv.from] == mv.node {
			delete(names, mv.from)
		}
		if mv.to.dir != nil {
			names[mv.to] = mv.node
		}
	}
	below := make(map[*node][]entry)
	for at := range names {
		below[at.dir] = append(below[at.dir], at)
	}
	left := make(map[string][]byte, len(names))
	d.walk(d.root, "", w, names, below, left)
	return left
}

// walk visits what can be reached, in an order that is always the same.
func (d *Disk) walk(dir *node, prefix string, w Survival, names map[entry]*node, below map[*node][]entry,
	left map[string][]byte) {
	slices.SortFunc(below[dir], func(a, b entry) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	for _, at := range below[dir] {
		n, name := names[at], prefix+at.name
		if n.dir {
			left[name+"/"] = nil
			d.walk(n, name+"/", w, names, below, left)
			continue
		}
		left[name] = n.after(w)
	}
}

func (n *node) after(w Survival) (text []byte) {
	ended := false
	for _, c := range n.writes {
		data := c.data
		if !c.flushed {
			if ended || !w.keep() {
				ended = w.Ordered
				continue
			}
			data = data[:w.torn(len(data))]
			ended = w.Ordered && len(data) < len(c.data)
		}
		text = c.onto(text, data)
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
