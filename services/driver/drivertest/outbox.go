package drivertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

// Outbox is a sender's outbox.
type Outbox struct {
	Dir    string
	volume *Volume
	t      testing.TB
}

// NewOutbox makes an empty outbox of messages to the server of v.
func NewOutbox(t testing.TB, v *Volume) *Outbox {
	t.Helper()
	return &Outbox{Dir: t.TempDir(), volume: v, t: t}
}

// Put writes a file in the outbox, with its directories.
func (o *Outbox) Put(name, text string) {
	o.t.Helper()
	path := filepath.Join(o.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		o.t.Fatal(err)
	}
}

// Remove deletes a file or directory in the outbox.
func (o *Outbox) Remove(name string) {
	o.t.Helper()
	if err := os.RemoveAll(filepath.Join(o.Dir, name)); err != nil {
		o.t.Fatal(err)
	}
}

// Sent puts a message and its receipt where a client leaves them.
func (o *Outbox) Sent(e logfile.Entry, body string) {
	o.t.Helper()
	o.Put(SentPath(e), body)
	o.PutReceipt(e, o.volume.Receipt(e))
}

// PutReceipt puts a receipt beside the message of e.
func (o *Outbox) PutReceipt(e logfile.Entry, text string) {
	o.t.Helper()
	o.Put(ReceiptPath(e), text)
}

// SentPath is where in an outbox a message lies that was sent, ReceiptPath where
// its receipt does.
func SentPath(e logfile.Entry) string {
	stem := e.Name
	if strings.HasSuffix(stem, receipt.FileSuffix) {
		stem += "~" + e.ID.String()[:8]
	}
	return "sent/2026-11-26/" + stem
}
func ReceiptPath(e logfile.Entry) string { return SentPath(e) + receipt.FileSuffix }
