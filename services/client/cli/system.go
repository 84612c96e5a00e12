//go:build unix

package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"sealpost/shared/bounded"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// endOfInput is what a person types at a terminal behind the message.
const endOfInput = "Ctrl-D"

// checkReceiptPlace finds out whether a receipt can be put where it is to go,
// as far as that can be said without the settings.
func (o options) checkReceiptPlace() error {
	if o.receipt == "" {
		return nil
	}
	dir, err := durable.OpenDir(filepath.Dir(o.receipt))
	if err != nil {
		return &inputError{err.Error()}
	}
	defer dir.Close()
	info, err := dir.Lstat(filepath.Base(o.receipt))
	switch {
	case err == nil && !info.Mode().IsRegular():
		return &inputError{o.receipt + " is not a regular file"}
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return &inputError{err.Error()}
	}
	return nil
}

// checkReceipt finds out before the message is sent whether its receipt has a
// place. Only a receipt of the same message is ever replaced.
func (r *runner) checkReceipt(id message.ID) error {
	if r.receipt == "" {
		return nil
	}
	dir, err := durable.OpenDir(filepath.Dir(r.receipt))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &inputError{err.Error()}
	}
	defer dir.Close()
	return r.checkReceiptIn(dir, id)
}

// checkReceiptIn is checkReceipt in the open directory. Others may write there:
// no link is followed, and a pipe is waited for by nobody.
func (r *runner) checkReceiptIn(dir *durable.Dir, id message.ID) error {
	text, err := dir.ReadFile(filepath.Base(r.receipt), receipt.MaxSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, durable.ErrNotRegular):
		return &takenError{r.receipt, "is there, and not a regular file"}
	case errors.Is(err, bounded.ErrTooLong):
		return &takenError{r.receipt, "is there, and no receipt of this server's"}
	case err != nil:
		return &inputError{err.Error()}
	}
	opened, err := receipt.Open(text, r.settings.pins)
	if err != nil {
		return &takenError{r.receipt, "is there, and no receipt of this server's"}
	}
	entry, err := logfile.OfReceipt(opened)
	if err != nil {
		return &takenError{r.receipt, "is there, and no receipt of this server's"}
	}
	if entry.ID != id || entry.Sender != r.settings.parsedToken.Sender() {
		return &takenError{r.receipt, "is the receipt of another message, " + entry.ID.String()}
	}
	return nil
}

func (r *runner) writeReceipt(id message.ID, text []byte) error {
	dir, err := durable.OpenDir(filepath.Dir(r.receipt))
	if err != nil {
		return err
	}
	defer dir.Close()
	name := filepath.Base(r.receipt)
	err = dir.WriteNew(name, text, receiptMode, durable.Keep)
	if errors.Is(err, fs.ErrExist) {
		if err = r.checkReceiptIn(dir, id); err == nil {
			err = dir.WriteFile(name, text, receiptMode, durable.Keep)
		}
	}
	return err
}

// unnamed makes a temporary file that is gone when it is closed.
func unnamed() (*os.File, error) {
	temp, err := os.CreateTemp("", "client-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(temp.Name()); err != nil {
		_ = temp.Close()
		return nil, err
	}
	return temp, nil
}
