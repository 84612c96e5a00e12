package logfile

import "sealpost/shared/crypto/receipt"

// OfReceipt reads the manifest line in an opened receipt. Its place in the tree
// must be the message's number: a server that puts lines elsewhere could show
// two messages under one number. The error is a [*LineError].
func OfReceipt(opened receipt.Opened) (Entry, error) {
	entry, err := ParseLine(opened.Line)
	if err != nil {
		return Entry{}, err
	}
	if entry.Seq != opened.Index {
		return Entry{}, &LineError{Rule: "seq must be the receipt's index"}
	}
	return entry, nil
}
