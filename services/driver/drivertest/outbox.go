package drivertest

import (
	"os"
	"path/filepath"
	"testing"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

const logbookID = "00112233445566778899aabbccddeeff"

// Outbox is a sender's outbox and the server that signed its receipts.
type Outbox struct {
	Dir    string
	Server *identity.Identity
	t      testing.TB
}

// NewOutbox makes an empty outbox.
func NewOutbox(t testing.TB) *Outbox {
	t.Helper()
	return &Outbox{Dir: t.TempDir(), Server: NewIdentity(t), t: t}
}

// NewIdentity makes a server's identity.
func NewIdentity(t testing.TB) *identity.Identity {
	t.Helper()
	id, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Pins are the pins of the server.
func (o *Outbox) Pins() identity.Pins {
	return identity.Pins{{Origin: receipt.Origin(logbookID), Key: o.Server.Public()}}
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
	o.Put(SentPath(e)+receipt.FileSuffix, o.Sign(o.Server, e))
}

// SentPath is where in an outbox a message lies that was sent.
func SentPath(e logfile.Entry) string { return "sent/" + e.ID.String() + "/" + e.Name }

// Sign makes a receipt for e.
func (o *Outbox) Sign(id *identity.Identity, e logfile.Entry) string {
	o.t.Helper()
	line, err := e.Line()
	if err != nil {
		o.t.Fatal(err)
	}
	text, err := receipt.Sign(id, logbookID, line)
	if err != nil {
		o.t.Fatal(err)
	}
	return string(text)
}
