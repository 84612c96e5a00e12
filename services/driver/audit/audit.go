// Package audit holds a manifest against the trees that a server's identity
// signed: its checkpoints, old and new, and those in receipts.
//
// The manifest's lines come one after the other, each time from the first on;
// the root over them (RFC 6962, section 2.1) is compared with every signed root
// of that size. All of a hash's work is done once, in memory that does not grow
// with the manifest.
//
// Guaranteed: if Findings returns nothing for a whole manifest, its lines are
// those of every tree that was expected, up to that tree's size. So no line
// below the largest size was altered, taken away or put in, and all who signed
// trees were taken from saw the same lines. A tree that is smaller than another
// and agrees with the manifest is an older one, which is not a fault.
//
// Not guaranteed: anything about lines beyond the largest size. Signatures are
// checked before, where the trees are found.
package audit

import (
	"cmp"
	"slices"

	"sealpost/shared/crypto/receipt"
)

// Head is a signed tree and where it was found.
type Head struct {
	Source string // for people
	receipt.Checkpoint
}

// Audit is one pass over a manifest. It is for one goroutine.
type Audit struct {
	lines receipt.Hasher
	trees map[receipt.Checkpoint]*tree
	// order holds the trees, by size where sorted; those before next were
	// compared.
	order  []*tree
	sorted bool
	next   int
}

// tree is what is known of one signed tree.
type tree struct {
	Head
	more     int  // further places where it was found
	reached  bool // the manifest is as long
	verified bool // and its root is the same
}

// New returns an Audit without lines.
func New() *Audit { return &Audit{trees: make(map[receipt.Checkpoint]*tree)} }

// Expect takes a signed tree to compare with. All must be known before the
// first line. A tree that is found in several places counts once, under the
// first.
func (a *Audit) Expect(h Head) {
	if t := a.trees[h.Checkpoint]; t != nil {
		t.more++
		return
	}
	t := &tree{Head: h}
	a.trees[h.Checkpoint] = t
	a.order, a.sorted = append(a.order, t), false
}

// Longest is the size of the largest tree expected: the manifest has at least
// so many lines, unless its end was cut off.
func (a *Audit) Longest() uint64 {
	longest := uint64(0)
	for _, t := range a.order {
		longest = max(longest, t.Size)
	}
	return longest
}

// Line takes the next line of the manifest, without its "\n".
func (a *Audit) Line(line []byte) {
	a.compare()
	a.lines.Add(line)
}

// compare looks at the trees that have as many lines as came so far.
func (a *Audit) compare() {
	if !a.sorted {
		slices.SortStableFunc(a.order, func(a, b *tree) int { return cmp.Compare(a.Size, b.Size) })
		a.sorted = true
	}
	for ; a.next < len(a.order) && a.order[a.next].Size == a.lines.Size(); a.next++ {
		t := a.order[a.next]
		t.reached, t.verified = true, a.lines.Root() == t.Root
	}
}

// Holds reports whether c was expected, and the lines so far reach to its size
// and have its root.
func (a *Audit) Holds(c receipt.Checkpoint) bool {
	a.compare()
	t := a.trees[c]
	return t != nil && t.verified
}

// Findings returns a *TreeError for each tree that the manifest is not in
// agreement with, by size. Without whole the lines were not read to the end, and
// trees beyond them are passed over.
func (a *Audit) Findings(whole bool) []error {
	a.compare()
	agreed := a.agreed()
	var findings []error
	from := make(map[string]uint64) // by origin: lines below it are in a tree that was found true
	for _, t := range a.order {
		switch {
		case t.verified:
			from[t.Origin] = t.Size
		case t.reached:
			findings = append(findings, a.differs(t, from[t.Origin], agreed[t.Origin]))
		case whole:
			findings = append(findings, a.missing(t))
		}
	}
	return findings
}

// agreed returns for each origin the size up to which a signature vouches for
// the manifest.
func (a *Audit) agreed() map[string]uint64 {
	sizes := make(map[string]uint64)
	for _, t := range a.order {
		if t.verified {
			sizes[t.Origin] = t.Size
		}
	}
	return sizes
}

// differs tells two signatures that contradict each other from a manifest that
// one signature contradicts.
func (a *Audit) differs(t *tree, from, agreed uint64) *TreeError {
	if agreed > 0 && agreed >= t.Size || a.twins(t) {
		return a.find(t, ErrSplit, 0)
	}
	return a.find(t, ErrAltered, from)
}

// missing is what is wrong with a tree that the manifest does not reach to.
func (a *Audit) missing(t *tree) *TreeError {
	if a.twins(t) {
		return a.find(t, ErrSplit, 0)
	}
	return a.find(t, ErrShort, a.lines.Size())
}

// twins reports whether the same logbook signed another tree of that size.
func (a *Audit) twins(t *tree) bool {
	at, _ := slices.BinarySearchFunc(a.order, t.Size, func(t *tree, size uint64) int { return cmp.Compare(t.Size, size) })
	for _, other := range a.order[at:] {
		if other.Size != t.Size {
			return false
		}
		if other.Origin == t.Origin && other.Root != t.Root {
			return true
		}
	}
	return false
}

func (a *Audit) find(t *tree, cause error, from uint64) *TreeError {
	return &TreeError{Head: t.Head, More: t.more, Lines: a.lines.Size(), From: from, Cause: cause}
}
