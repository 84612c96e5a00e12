// Package numbers has sets of message numbers, as people write them and as files list
// them: ranges in ascending order.
package numbers

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Range is the message numbers First to Last, both included.
type Range struct{ First, Last uint64 }

func (r Range) String() string {
	if r.First == r.Last {
		return strconv.FormatUint(r.First, 10)
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// One is the range of one number.
func One(number uint64) Range { return Range{number, number} }

// Set is a set of message numbers: ranges in ascending order, with gaps
// between them. The zero value is empty.
type Set struct{ ranges []Range }

// errNumbers is the rule for what Parse reads.
var errNumbers = errors.New("must be a number, a range FIRST-LAST, or several with commas between")

// Parse reads "7", "3-5" or "3-5,7".
func Parse(text string) (Set, error) {
	var n Set
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		var r Range
		var errs [2]error
		// 63 bits: one more than the last number is still a number.
		r.First, errs[0] = strconv.ParseUint(first, 10, 63)
		r.Last, errs[1] = strconv.ParseUint(last, 10, 63)
		if errs[0] != nil || errs[1] != nil || r.First > r.Last {
			return Set{}, errNumbers
		}
		n.Add(r)
	}
	return n, nil
}

// Add puts the numbers of r in.
func (n *Set) Add(r Range) {
	from, _ := n.find(r.First)
	if from > 0 && n.ranges[from-1].Last+1 == r.First {
		from--
	}
	to := from
	for ; to < len(n.ranges) && n.ranges[to].First <= r.Last+1; to++ {
		r = Range{min(r.First, n.ranges[to].First), max(r.Last, n.ranges[to].Last)}
	}
	n.ranges = slices.Replace(n.ranges, from, to, r)
}

// Remove takes the numbers of r out.
func (n *Set) Remove(r Range) {
	from, _ := n.find(r.First)
	to := from
	var left []Range
	for ; to < len(n.ranges) && n.ranges[to].First <= r.Last; to++ {
		if old := n.ranges[to]; old.First < r.First {
			left = append(left, Range{old.First, r.First - 1})
		}
		if old := n.ranges[to]; old.Last > r.Last {
			left = append(left, Range{r.Last + 1, old.Last})
		}
	}
	n.ranges = slices.Replace(n.ranges, from, to, left...)
}

// AddAll puts the numbers of another set in.
func (n *Set) AddAll(other Set) {
	for _, r := range other.ranges {
		n.Add(r)
	}
}

// RemoveAll takes the numbers of another set out.
func (n *Set) RemoveAll(other Set) {
	for _, r := range slices.Clone(other.ranges) { // it may be n
		n.Remove(r)
	}
}

// Has reports whether a number is in the set.
func (n *Set) Has(number uint64) bool {
	at, found := n.find(number)
	return found && n.ranges[at].First <= number
}

// find returns the first range that does not end before number.
func (n *Set) find(number uint64) (at int, found bool) {
	at, _ = slices.BinarySearchFunc(n.ranges, number, func(r Range, number uint64) int {
		return cmp.Compare(r.Last, number)
	})
	return at, at < len(n.ranges)
}

// Common returns the numbers that are in both sets.
func (n *Set) Common(other Set) Set {
	var both Set
	for _, r := range other.ranges {
		for at, _ := n.find(r.First); at < len(n.ranges) && n.ranges[at].First <= r.Last; at++ {
			both.Add(Range{max(r.First, n.ranges[at].First), min(r.Last, n.ranges[at].Last)})
		}
	}
	return both
}

// Ranges returns what the set holds: in ascending order, with gaps between them.
func (n *Set) Ranges() []Range { return slices.Clone(n.ranges) }

// Len returns how many ranges that is.
func (n *Set) Len() int { return len(n.ranges) }

// Last returns the last number, where there is one.
func (n *Set) Last() (number uint64, some bool) {
	if n.Empty() {
		return 0, false
	}
	return n.ranges[len(n.ranges)-1].Last, true
}

// Empty reports whether no number is in the set.
func (n *Set) Empty() bool { return len(n.ranges) == 0 }

// Count returns how many numbers are in the set.
func (n *Set) Count() uint64 {
	count := uint64(0)
	for _, r := range n.ranges {
		count += r.Last - r.First + 1
	}
	return count
}

// Clone returns a set that changes apart from n.
func (n Set) Clone() Set { return Set{slices.Clone(n.ranges)} }

// Join writes the ranges with sep between them.
func (n *Set) Join(sep string) string {
	var b strings.Builder
	for i, r := range n.ranges {
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(r.String())
	}
	return b.String()
}

// String returns what Parse reads, or the start of it and an ellipsis
// where it is long.
func (n Set) String() string {
	const most = 20
	if len(n.ranges) <= most {
		return n.Join(",")
	}
	start := Set{n.ranges[:most]}
	return start.Join(",") + ",…"
}
