package receipts

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable"
)

// lookAgain looks again at receipts that had no message beside them. A client puts
// a receipt in place first, so that its message may still be on its way; and both
// go when the client removes what is too old.
func (s *Set) lookAgain(outbox *durable.Dir) {
	if len(s.alone) == 0 {
		return
	}
	claimed, err := namesIn(outbox, sendingDir, fs.DirEntry.IsDir)
	if err == nil && len(claimed) > 0 {
		return // what is being sent is for the next run
	}
	for _, path := range s.alone {
		below, err := filepath.Rel(outbox.Path(), path)
		if err == nil {
			err = s.again(outbox, strings.Split(below, string(filepath.Separator)))
		}
		if err != nil {
			s.fail(path+receipt.FileSuffix, -1, err)
		}
	}
}

// again opens the receipt of a message by its path below a directory.
func (s *Set) again(in *durable.Dir, parts []string) error {
	if len(parts) > 1 {
		d, err := in.Sub(parts[0])
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return causeOf(err)
		}
		defer d.Close()
		return s.again(d, parts[1:])
	}
	if _, err := in.Lstat(parts[0] + receipt.FileSuffix); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := in.Lstat(parts[0]); err != nil {
		return ErrNoMessage
	}
	s.open(in, parts[0])
	return nil
}
