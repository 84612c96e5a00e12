package ledger

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is what is wrong with a finding.
type Kind int

// Kinds of findings. One cause may be several findings: a log file that was cut
// and whose sender holds a receipt is half-written, and lost.
const (
	Lost        Kind = iota // receipted, and not there as the receipt says
	Doubled                 // two lines or files of one message, or one number twice
	HalfWritten             // a final name without all of the message's bytes
	Gap                     // the manifest is not gapless, or not whole, or names what is not there
	Altered                 // what a receipt said, or a poller saw, is otherwise now
	Unsent                  // there, and nobody sent it, or it was refused
	Differing               // not the same on two servers that have one logbook
)

var kindNames = [...]string{"lost", "doubled", "half-written", "gap", "altered", "unsent", "differing"}

func (k Kind) String() string { return kindNames[k] }

// Finding is one thing that must not be.
type Finding struct {
	Kind Kind
	Text string
}

func (f Finding) String() string { return f.Kind.String() + ": " + f.Text }

// Report is what an audit says.
type Report struct {
	Sent, Receipted, Found int
	Findings               []Finding
}

// Count returns how many findings are of a kind.
func (r Report) Count(kind Kind) int {
	n := 0
	for _, f := range r.Findings {
		if f.Kind == kind {
			n++
		}
	}
	return n
}

// Plus returns the report of both.
func (r Report) Plus(other Report) Report {
	return Report{
		Sent: r.Sent + other.Sent, Receipted: r.Receipted + other.Receipted, Found: r.Found + other.Found,
		Findings: slices.Concat(r.Findings, other.Findings),
	}
}

// OK reports whether nothing was found that must not be.
func (r Report) OK() bool { return len(r.Findings) == 0 }

// Verdict is "ok", or which kinds were found how often.
func (r Report) Verdict() string {
	if r.OK() {
		return "ok"
	}
	var wrong []string
	for kind := range kindNames {
		if n := r.Count(Kind(kind)); n > 0 {
			wrong = append(wrong, fmt.Sprintf("%s %d", Kind(kind), n))
		}
	}
	return "FAILED: " + strings.Join(wrong, ", ")
}

// Columns are those of a table of reports.
var Columns = []string{"sent", "receipted", "found", "lost", "doubled", "half-written", "verdict"}

// Row returns the report as the cells under Columns.
func (r Report) Row() []string {
	var cells []string
	for _, n := range []int{r.Sent, r.Receipted, r.Found, r.Count(Lost), r.Count(Doubled), r.Count(HalfWritten)} {
		cells = append(cells, fmt.Sprint(n))
	}
	return append(cells, r.Verdict())
}
