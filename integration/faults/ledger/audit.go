package ledger

import (
	"bytes"
	"maps"
	"os"
	"slices"

	"sealpost/shared/logfile"
)

// Audit compares the volume dir with what the senders know. Nothing may be
// under way on it. The error is one of reading, and no verdict.
func (l *Ledger) Audit(dir string) (Report, error) {
	text, err := os.ReadFile(logs(dir, logfile.ManifestName))
	if err != nil {
		return Report{}, err
	}
	numbers, others, err := names(dir)
	if err != nil {
		return Report{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &audit{Ledger: l, dir: dir, before: len(l.found),
		kept: make(map[key]bool), holders: make(map[key]string), copies: make(map[uint64]bool)}
	defer func() { l.found = l.found[:a.before] }() // the next audit finds its own
	a.checkNames(others)
	a.files = a.readFiles(numbers)
	a.checkLines(text)
	a.checkUnlisted(numbers)
	a.checkSeen(text)
	a.checkReceipts()
	return Report{
		Sent: len(l.accounts), Receipted: l.countReceipted(), Found: len(a.kept),
		Findings: slices.Clone(l.found),
	}, nil
}

// audit is one comparison. It runs with the ledger's mu held.
type audit struct {
	*Ledger
	dir     string
	before  int
	files   map[uint64]logFile // those that are whole by themselves
	lines   int
	kept    map[key]bool    // found whole, as the receipt says where there is one
	holders map[key]string  // the file that holds a message
	copies  map[uint64]bool // further files of a message, noted already
}

func (a *audit) checkNames(others []string) {
	known := []string{logfile.ManifestName, logfile.CheckpointName, logfile.RetiredName}
	for _, name := range others {
		if !slices.Contains(known, name) {
			a.note(Unsent, "%s lies beside the log files", name)
		}
	}
}

func (a *audit) readFiles(numbers map[uint64]string) map[uint64]logFile {
	files := make(map[uint64]logFile)
	for _, seq := range slices.Sorted(maps.Keys(numbers)) {
		f, err := readLogFile(logs(a.dir, numbers[seq]))
		if err != nil {
			a.note(HalfWritten, "%s: %v", numbers[seq], err)
			continue
		}
		f.path = numbers[seq]
		files[seq] = f
		if other, twice := a.holders[f.key]; twice {
			a.note(Doubled, "%s and %s hold message %s of %s", other, numbers[seq], f.key.id, f.key.sender)
			a.copies[seq] = true
		}
		a.holders[f.key] = numbers[seq]
	}
	return files
}

func (a *audit) checkLines(text []byte) {
	seen, listed := make(map[key]bool), make(map[uint64]bool)
	for line := range bytes.Lines(text) {
		i := a.lines
		a.lines++
		body, whole := bytes.CutSuffix(line, []byte("\n"))
		e, err := logfile.ParseLine(body)
		if !whole || err != nil {
			a.note(Gap, "manifest line %d is none: %q", i, line)
			continue
		}
		if e.Seq != uint64(i) {
			a.note(Gap, "manifest line %d has number %d", i, e.Seq)
		}
		if listed[e.Seq] {
			a.note(Doubled, "number %d is used twice", e.Seq)
		}
		listed[e.Seq] = true
		k := key{e.Sender, e.ID}
		if seen[k] {
			if !a.copies[e.Seq] {
				a.note(Doubled, "manifest line %d has message %s of %s again", i, e.ID, e.Sender)
			}
			continue
		}
		seen[k] = true
		a.checkEntry(k, e)
	}
}

// checkEntry compares a line with its file, with what was sent, and with the
// receipt.
func (a *audit) checkEntry(k key, e logfile.Entry) {
	f, there := a.files[e.Seq]
	if !there || f.path != e.File { // a half-written one was noted when it was read
		a.note(Gap, "%s is in the manifest and is not there, or not whole", e.File)
		return
	}
	sent := a.accounts[k]
	switch {
	case f.size != e.FileSize || f.digest != e.FileSHA256:
		a.note(HalfWritten, "%s has not the bytes that the manifest names", e.File)
	case f.key != k || f.content != contentOf(e):
		a.note(Altered, "%s holds another message than manifest line %d says", e.File, e.Seq)
	case sent == nil || !sent.offered[f.content]:
		a.note(Unsent, "%s: %s", e.File, describe(e))
	case sent.receipt != nil && !same(*sent.receipt, e):
		a.note(Altered, "receipted as %s, found as %s", describe(*sent.receipt), describe(e))
	default:
		a.kept[k] = true
	}
}

func (a *audit) checkUnlisted(numbers map[uint64]string) {
	for seq, name := range numbers {
		if seq >= uint64(a.lines) {
			a.note(Gap, "%s is not in the manifest of %d lines", name, a.lines)
		}
	}
}

// checkSeen holds the volume to what pollers saw on it.
func (a *audit) checkSeen(text []byte) {
	if !bytes.HasPrefix(text, a.manifest) {
		a.note(Altered, "the manifest does not begin with the lines that a poller read")
	}
	for name, digest := range a.Ledger.files {
		seq, _ := logfile.ParsePath(name)
		if f, there := a.files[seq]; !there || f.digest != digest {
			a.note(Altered, "%s is not what a poller read", name)
		}
	}
}

func (a *audit) checkReceipts() {
	for k, sent := range a.accounts {
		if sent.receipt != nil && !a.kept[k] {
			a.note(Lost, "%s", describe(*sent.receipt))
		}
	}
}
