// Package ledger compares what senders know with what lies on a log volume.
//
// A [Ledger] is told of every message before its first attempt (Offer), of
// every receipt (Receipt) and of every refusal that is for good (Refuse). Its
// Poller reads the volume as somebody does who collects log files, while all
// goes on. Audit, with nothing under way, then says what was sent, receipted,
// found, lost, doubled and half-written.
//
// The package trusts nothing of the server but its two formats: whether a log
// file is whole is judged by the bytes that were sent, and by the size and
// SHA-256 that the receipt and the manifest name.
package ledger

import (
	"fmt"
	"sync"

	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// Message is what its sender knows of a message.
type Message struct {
	Sender string
	ID     message.ID
	Content
}

// Content is what a message id stands for.
type Content struct {
	Name   string
	Cipher message.Cipher
	Size   uint64
	SHA256 logfile.Digest
}

type key struct {
	sender string
	id     message.ID
}

// account is what is known of one (sender, id).
type account struct {
	offered map[Content]bool // false: refused for good
	receipt *logfile.Entry
}

// Ledger is safe for concurrent use.
type Ledger struct {
	mu       sync.Mutex
	accounts map[key]*account
	found    []Finding // outside of audits: by receipts and pollers

	// What pollers saw, which must stay as it was.
	files    map[string]logfile.Digest
	manifest []byte // whole lines
}

// New returns an empty Ledger.
func New() *Ledger {
	return &Ledger{accounts: make(map[key]*account), files: make(map[string]logfile.Digest)}
}

// Offer notes a message before its first attempt. Another content under the
// same id is noted beside the first: either may be kept.
func (l *Ledger) Offer(m Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := key{m.Sender, m.ID}
	a := l.accounts[k]
	if a == nil {
		a = &account{offered: make(map[Content]bool)}
		l.accounts[k] = a
	}
	a.offered[m.Content] = true
}

// Refuse notes that a message was refused for good: it must not be found.
func (l *Ledger) Refuse(m Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.accounts[key{m.Sender, m.ID}]; a != nil {
		a.offered[m.Content] = false
	}
}

// Receipt notes the facts of a receipt. A message that gets one again must get
// the same facts.
func (l *Ledger) Receipt(e logfile.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.accounts[key{e.Sender, e.ID}]
	switch {
	case a == nil || !a.offered[contentOf(e)]:
		l.note(Altered, "a receipt for what was not sent: %s", describe(e))
	case a.receipt == nil:
		a.receipt = &e
	case !same(*a.receipt, e):
		l.note(Altered, "receipted as %s, then as %s", describe(*a.receipt), describe(e))
	}
}

// Receipted returns how many messages have a receipt.
func (l *Ledger) Receipted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.countReceipted()
}

func (l *Ledger) countReceipted() int {
	n := 0
	for _, a := range l.accounts {
		if a.receipt != nil {
			n++
		}
	}
	return n
}

// note is called with mu held.
func (l *Ledger) note(kind Kind, format string, args ...any) {
	l.found = append(l.found, Finding{kind, fmt.Sprintf(format, args...)})
}

func contentOf(e logfile.Entry) Content {
	return Content{Name: e.Name, Cipher: e.Cipher, Size: e.Size, SHA256: e.SHA256}
}

// same compares the manifest lines: that is what a receipt binds.
func same(a, b logfile.Entry) bool { return describe(a) == describe(b) }

func describe(e logfile.Entry) string {
	line, err := e.Line()
	if err != nil {
		return err.Error()
	}
	return string(line)
}
