package logbooktest

import (
	"testing"
	"time"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// Notary signs checkpoints with an identity made for the tests.
type Notary struct{ *identity.Identity }

// NewNotary makes an identity. It panics where that fails, so that it can set a
// variable of a package.
func NewNotary() Notary {
	id, err := identity.Generate()
	if err != nil {
		panic(err)
	}
	return Notary{id}
}

// Signers is always the same: nobody else signs.
func (Notary) Signers() uint64 { return 0 }

// SignCheckpoint signs with the one identity.
func (n Notary) SignCheckpoint(c receipt.Checkpoint) ([]byte, error) {
	return receipt.SignCheckpoint(c, n.Identity)
}

// OpenCheckpoint opens what that identity signed.
func (n Notary) OpenCheckpoint(text []byte) (receipt.Checkpoint, error) {
	return receipt.OpenCheckpoint(text, n.Pins())
}

// SignRetired signs with the one identity.
func (n Notary) SignRetired(r receipt.Retired) ([]byte, error) {
	return receipt.SignRetired(r, n.Identity)
}

// OpenRetired opens what that identity signed.
func (n Notary) OpenRetired(text []byte) (receipt.Retired, error) {
	return receipt.OpenRetired(text, n.Pins())
}

// Pins are by which its signatures are checked.
func (n Notary) Pins() identity.Pins { return identity.Pins{{Key: n.Public()}} }

// Line is a manifest line, that of message number seq.
func Line(tb testing.TB, seq uint64) []byte {
	tb.Helper()
	line, err := logfile.Entry{
		V: 1, Seq: seq, File: logfile.FileName(seq), Sender: "store-17", Name: "harbour.txt", Cipher: message.None,
		ReceivedAt: time.Unix(1e9, 0),
	}.Line()
	if err != nil {
		tb.Fatal(err)
	}
	return line
}
