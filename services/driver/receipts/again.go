package receipts

import (
	"errors"
	"io/fs"
	"path/filepath"

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
	if claimed, err := countSending(outbox); err == nil && claimed > 0 {
		return // what is being sent is for the next run
	}
	for _, path := range s.alone {
		below, err := filepath.Rel(outbox.Path(), path)
		if err == nil {
			err = outbox.Within(filepath.ToSlash(below), s.again)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.fail(path+receipt.FileSuffix, -1, causeOf(err))
		}
	}
}

// again opens the receipt of a message: fs.ErrNotExist where it is gone.
func (s *Set) again(in *durable.Dir, name string) error {
	if _, err := in.Lstat(name + receipt.FileSuffix); errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := in.Lstat(name); err != nil {
		return ErrNoMessage
	}
	s.open(in, name)
	return nil
}
