package drivertest

import (
	"fmt"
	"testing"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/receipt/receipttest"
	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

const logbookID = "00112233445566778899aabbccddeeff"

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
func (v *Volume) Pins() identity.Pins {
	return identity.Pins{{Origin: receipt.Origin(v.Logbook), Key: v.Server.Public()}}
}

// Receipt makes the receipt of e as the server does that has just committed it:
// e is the last line of the tree.
func (v *Volume) Receipt(e logfile.Entry) string {
	v.t.Helper()
	return v.ReceiptBy(v.Server, e)
}

// ReceiptBy is Receipt with another server's signature. Of lines that the volume
// does not have others are made up.
func (v *Volume) ReceiptBy(id *identity.Identity, e logfile.Entry) string {
	v.t.Helper()
	lines := v.leaves(int(e.Seq))
	for len(lines) < int(e.Seq) {
		lines = append(lines, fmt.Appendf(nil, "made-up line %d", len(lines)))
	}
	text, err := receipttest.Lines(id, v.Logbook, append(lines, []byte(v.Line(e))), e.Seq)
	if err != nil {
		v.t.Fatal(err)
	}
	return string(text)
}

// SignCheckpoint returns the signed checkpoint of the first n messages.
func (v *Volume) SignCheckpoint(n int) string {
	v.t.Helper()
	lines := v.leaves(n)
	tree, err := receipttest.NewTree(lines...)
	if err != nil {
		v.t.Fatal(err)
	}
	text, err := tree.Sign(v.Server, v.Logbook, uint64(n))
	if err != nil {
		v.t.Fatal(err)
	}
	return string(text)
}

// PutCheckpoint puts the checkpoint of the first n messages beside the manifest.
func (v *Volume) PutCheckpoint(n int) {
	v.t.Helper()
	v.replace(logfile.CheckpointName, []byte(v.SignCheckpoint(n)))
}

// SignRetired returns a signed note of retired messages, such as "0-3,7".
func (v *Volume) SignRetired(serial uint64, retired string) string {
	v.t.Helper()
	n, err := numbers.Parse(retired)
	if err != nil {
		v.t.Fatal(err)
	}
	text, err := receipt.SignRetired(receipt.Retired{
		Origin: receipt.RetiredOrigin(v.Logbook), Serial: serial, Numbers: n}, v.Server)
	if err != nil {
		v.t.Fatal(err)
	}
	return string(text)
}

// Retire removes the log files of messages, and puts the note of them beside the
// manifest.
func (v *Volume) Retire(serial uint64, retired string, gone ...uint64) {
	v.t.Helper()
	v.replace(logfile.RetiredName, []byte(v.SignRetired(serial, retired)))
	for _, seq := range gone {
		v.Remove(v.Entries[seq].File)
	}
}

// leaves are the manifest lines of the first n messages, or of all if there are fewer.
func (v *Volume) leaves(n int) [][]byte {
	var lines [][]byte
	for _, e := range v.Entries[:min(n, len(v.Entries))] {
		lines = append(lines, []byte(v.Line(e)))
	}
	return lines
}
