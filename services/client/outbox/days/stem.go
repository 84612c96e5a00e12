package days

import (
	"io/fs"
	"strings"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/message"
)

const (
	digits   = 8 // of the id, behind the "~"
	mostTry  = 4 // with 8, 16, 24 and all 32 digits: more than 8 only where somebody has put a file there
	tieBreak = "~"
)

// checkName refuses names that lead elsewhere.
func checkName(name string) error {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." || strings.Contains(part, "\x00") {
			return &fs.PathError{Op: "put", Path: name, Err: fs.ErrInvalid}
		}
	}
	return nil
}

// folderName returns what a folder called part is stored under, at a message's nth
// try: as it is at first.
func folderName(part string, id message.ID, n int) string {
	if n == 0 {
		return part
	}
	return message.Cut(part, MaxStem) + tieBreak + id.String()[:digits*n]
}

// stem returns the same for the last part of a message's name, and "" where that
// cannot be stored as it is.
func stem(part string, id message.ID, n int) string {
	if n == 0 && (len(part) > MaxStem || isText(part)) {
		return ""
	}
	return folderName(part, id, n)
}

// isText reports whether a name is one that a receipt, also one that was set aside,
// or a reason may have.
func isText(name string) bool {
	_, aside := receipt.SupersededOf(name)
	return aside || strings.HasSuffix(name, receiptSuffix) || strings.HasSuffix(name, reasonSuffix)
}
