package audit_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sealpost/services/driver/audit"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/receipt/receipttest"
)

const logbookID = "00112233445566778899aabbccddeeff"

// view is a manifest of n lines; from line `from` on it is another one.
func view(n, from int, word string) [][]byte {
	lines := make([][]byte, n)
	for i := range lines {
		lines[i] = fmt.Appendf(nil, "line %d", i)
		if i >= from {
			lines[i] = fmt.Appendf(nil, "line %d of %s", i, word)
		}
	}
	return lines
}

// head is what a server signs of a manifest's first size lines.
func head(t *testing.T, source string, lines [][]byte, size int) audit.Head {
	t.Helper()
	tree, err := receipttest.NewTree(lines...)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tree.Checkpoint(logbookID, uint64(size))
	if err != nil {
		t.Fatal(err)
	}
	return audit.Head{Source: source, Checkpoint: c}
}

func over(lines [][]byte, heads ...audit.Head) *audit.Audit {
	a := audit.New()
	for _, h := range heads {
		a.Expect(h)
	}
	for _, line := range lines {
		a.Line(line)
	}
	return a
}

// only returns the one finding there must be.
func only(t *testing.T, name string, findings []error) *audit.TreeError {
	t.Helper()
	var found *audit.TreeError
	if len(findings) != 1 || !errors.As(findings[0], &found) {
		t.Fatalf("%s: %v", name, errors.Join(findings...))
	}
	return found
}

// manipulations of the line i of a manifest.
var manipulations = map[string]func(lines [][]byte, i int) [][]byte{
	"edited":  func(lines [][]byte, i int) [][]byte { lines[i] = append(slices.Clone(lines[i]), '.'); return lines },
	"emptied": func(lines [][]byte, i int) [][]byte { lines[i] = nil; return lines },
	"deleted": func(lines [][]byte, i int) [][]byte { return slices.Delete(lines, i, i+1) },
	"put in":  func(lines [][]byte, i int) [][]byte { return slices.Insert(lines, i, []byte("new")) },
	"moved": func(lines [][]byte, i int) [][]byte {
		return append(slices.Delete(slices.Clone(lines), i, i+1), []byte("last"), lines[i])
	},
}

// TestEveryManipulation: each of them on each line, against a signed tree of
// each size. What lies below the size is found, and nothing else is.
func TestEveryManipulation(t *testing.T) {
	const n = 9
	signed := view(n, n, "")
	for what, manipulate := range manipulations {
		for i := range n {
			manifest := manipulate(slices.Clone(signed), i)
			for size := range n + 1 {
				name := fmt.Sprintf("line %d %s, %d signed", i, what, size)
				h := head(t, "checkpoint", signed, size)
				a := over(manifest, h)
				findings := a.Findings(true)
				if i >= size {
					if len(findings) > 0 || !a.Holds(h.Checkpoint) {
						t.Errorf("%s: %v", name, errors.Join(findings...))
					}
					continue
				}
				found := only(t, name, findings)
				want := audit.ErrAltered
				if len(manifest) < size {
					want = audit.ErrShort
				}
				if !errors.Is(found, want) || a.Holds(h.Checkpoint) {
					t.Errorf("%s: %v", name, found)
				}
			}
		}
	}
}

// TestNamesTheLines: the older tree that agrees and the newer one that does not
// have the altered line between them.
func TestNamesTheLines(t *testing.T) {
	const n = 9
	signed := view(n, n, "")
	for i := range n {
		manifest := slices.Clone(signed)
		manifest[i] = []byte("altered")
		for older := range i + 1 {
			for newer := i + 1; newer <= n; newer++ {
				a := over(manifest, head(t, "new", signed, newer), head(t, "old", signed, older))
				found := only(t, "", a.Findings(true))
				if found.Source != "new" || found.From != uint64(older) || found.Size != uint64(newer) ||
					!errors.Is(found, audit.ErrAltered) {
					t.Errorf("line %d altered, %d and %d signed: %v", i, older, newer, found)
				}
				want := fmt.Sprintf("a change in lines %d to %d, ", older, newer-1)
				if older+1 == newer {
					want = fmt.Sprintf("a change in line %d, ", older)
				}
				if !strings.Contains(found.Error(), want) {
					t.Errorf("%q does not say %q", found, want)
				}
			}
		}
	}
}

// TestCutTail: a manifest that was cut back together with an older checkpoint
// is true in itself. Any larger tree kept elsewhere shows it, and the lines.
func TestCutTail(t *testing.T) {
	const n = 9
	signed := view(n, n, "")
	for cut := range n {
		for old := range cut + 1 {
			checkpoint := head(t, "checkpoint", signed, old)
			if findings := over(signed[:cut], checkpoint).Findings(true); len(findings) > 0 {
				t.Errorf("cut to %d, %d signed: %v", cut, old, errors.Join(findings...))
			}
			for kept := cut + 1; kept <= n; kept++ {
				a := over(signed[:cut], checkpoint, head(t, "a receipt", signed, kept))
				found := only(t, "cut", a.Findings(true))
				if found.Source != "a receipt" || !errors.Is(found, audit.ErrShort) || found.From != uint64(cut) ||
					found.Size != uint64(kept) {
					t.Errorf("cut to %d, %d kept: %v", cut, kept, found)
				}
				if findings := a.Findings(false); len(findings) > 0 {
					t.Errorf("not read to the end: %v", findings)
				}
			}
		}
	}
}

// TestTwoViews: two manifests signed for two readers. One receipt or checkpoint
// of the other view is enough, if it covers the line where they part.
func TestTwoViews(t *testing.T) {
	const n = 9
	for part := range n {
		mine, theirs := view(n, part, "mine"), view(n, part, "theirs")
		for size := 1; size <= n; size++ {
			checkpoint, theirReceipt := head(t, "checkpoint", mine, n), head(t, "receipt", theirs, size)
			findings := over(mine, checkpoint, theirReceipt).Findings(true)
			if size <= part {
				if len(findings) > 0 {
					t.Errorf("parted at %d, receipt of %d: %v", part, size, errors.Join(findings...))
				}
				continue
			}
			found := only(t, "two views", findings)
			if found.Source != "receipt" || !errors.Is(found, audit.ErrSplit) || !strings.Contains(found.Error(), "split view") {
				t.Errorf("parted at %d, receipt of %d: %v", part, size, found)
			}
		}
	}
}

// TestTwoViewsBeyondTheEnd: the server signed two trees of one size, and the
// manifest is shorter than either. That its end is missing is the lesser fault.
func TestTwoViewsBeyondTheEnd(t *testing.T) {
	ours, theirs := head(t, "ours", view(9, 9, ""), 9), head(t, "theirs", view(9, 7, "theirs"), 9)
	findings := over(view(5, 5, ""), ours, theirs).Findings(true)
	if len(findings) != 2 || !errors.Is(findings[0], audit.ErrSplit) || !errors.Is(findings[1], audit.ErrSplit) {
		t.Errorf("%v", errors.Join(findings...))
	}
}

// TestViewThatNobodyVouchesFor: a receipt beyond all that is signed of this
// manifest. It may be altered, or another view: both are said.
func TestViewThatNobodyVouchesFor(t *testing.T) {
	mine, theirs := view(9, 4, "mine"), view(9, 4, "theirs")
	found := only(t, "", over(mine, head(t, "checkpoint", mine, 6), head(t, "receipt", theirs, 8)).Findings(true))
	if !errors.Is(found, audit.ErrAltered) || !strings.Contains(found.Error(), "split view") ||
		!strings.Contains(found.Error(), "lines 6 to 7") {
		t.Error(found)
	}
	// Two signatures over trees of one size contradict each other, whatever the
	// manifest says.
	third := view(9, 4, "nobody")
	findings := over(third, head(t, "a", mine, 6), head(t, "b", theirs, 6)).Findings(true)
	if len(findings) != 2 || !errors.Is(findings[0], audit.ErrSplit) || !errors.Is(findings[1], audit.ErrSplit) {
		t.Error(errors.Join(findings...))
	}
}

// TestAnotherLogbook: the manifest that a renewed logbook took over is true for
// the receipts of the old one, and what it does not hold is not a split view.
func TestAnotherLogbook(t *testing.T) {
	lines := view(9, 9, "")
	old, lost := head(t, "old", lines, 5), head(t, "lost", view(9, 5, "lost"), 9)
	old.Origin, lost.Origin = "sealpost/old", "sealpost/old"
	now := head(t, "now", lines, 9)
	found := only(t, "", over(lines, old, lost, now).Findings(true))
	if found.Source != "lost" || !errors.Is(found, audit.ErrAltered) || found.From != 5 {
		t.Error(found)
	}
}

// TestLag: all trees of one history hold at once, in whatever order they are
// found; the older ones are not at fault.
func TestLag(t *testing.T) {
	lines := view(12, 12, "")
	heads := []audit.Head{
		head(t, "checkpoint", lines, 5), head(t, "kept", lines, 9), head(t, "empty", lines, 0), head(t, "x", lines, 5),
		head(t, "y", lines, 11),
	}
	a := audit.New()
	for _, h := range heads {
		a.Expect(h)
	}
	if got := a.Longest(); got != 11 {
		t.Errorf("longest %d", got)
	}
	for i, line := range lines {
		for _, h := range heads {
			if got, want := a.Holds(h.Checkpoint), h.Size <= uint64(i); got != want {
				t.Errorf("after %d lines the tree of %d holds: %t", i, h.Size, got)
			}
		}
		a.Line(line)
	}
	if findings := a.Findings(true); len(findings) > 0 {
		t.Error(errors.Join(findings...))
	}
	if a.Holds(head(t, "never expected", lines, 7).Checkpoint) || audit.New().Longest() != 0 {
		t.Error("a tree that was not expected holds")
	}
}

// TestOneFindingForManyReceipts: the receipts of a commit share a tree.
func TestOneFindingForManyReceipts(t *testing.T) {
	lines, other := view(5, 5, ""), view(5, 2, "other")
	a := audit.New()
	for i := range 3 {
		a.Expect(head(t, fmt.Sprintf("receipt\x1b %d", i), other, 4))
	}
	for _, line := range lines {
		a.Line(line)
	}
	found := only(t, "", a.Findings(true))
	if !strings.HasPrefix(found.Error(), `receipt\x1b 0 and 2 more: `) || found.Lines != 5 {
		t.Errorf("%q", found)
	}
}

func TestEmptyManifest(t *testing.T) {
	empty := head(t, "checkpoint", nil, 0)
	if findings := over(nil, empty).Findings(true); len(findings) > 0 {
		t.Error(errors.Join(findings...))
	}
	empty.Root = receipt.Checkpoint{}.Root
	found := only(t, "", over(nil, empty).Findings(true))
	if !errors.Is(found, audit.ErrAltered) || !strings.Contains(found.Error(), "empty manifest") {
		t.Error(found)
	}
}
