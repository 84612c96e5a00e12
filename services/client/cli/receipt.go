package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"sealpost/services/client/courier"
	"sealpost/shared/bounded"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// receiptMode lets others read a receipt: it holds no secret.
const receiptMode = 0o644

// takenError means that -receipt names a file that is not to be replaced.
type takenError struct{ path, what string }

func (e *takenError) Error() string { return fmt.Sprintf("-receipt: %s %s", e.path, e.what) }

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
	if entry.ID != id || entry.Sender != r.settings.token.Sender() {
		return &takenError{r.receipt, "is the receipt of another message, " + entry.ID.String()}
	}
	return nil
}

// keepReceipt puts the receipt where it was asked for. What has come there while
// the message was under way is not replaced either.
func (r *runner) keepReceipt(id message.ID, text []byte) error {
	if r.receipt == "" {
		return nil
	}
	err := r.writeReceipt(id, text)
	if err == nil {
		return nil
	}
	again := *r
	if errors.As(err, new(*takenError)) {
		again.receipt += "." + id.String()
	}
	return &receiptError{command: again.command(id), cause: err}
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

func readReceipt(path string) ([]byte, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := bounded.ReadAll(f, receipt.MaxSize)
	switch {
	case errors.Is(err, bounded.ErrTooLong):
		return nil, fmt.Errorf("%w: more than %d bytes", receipt.ErrMalformed, receipt.MaxSize)
	case err != nil:
		return nil, &courier.ReadError{Name: path, Cause: err}
	}
	return text, nil
}

// receiptError means that a message is delivered, and its receipt not kept.
type receiptError struct {
	command string
	cause   error
}

func (e *receiptError) Error() string {
	return "the message is delivered, but its receipt could not be kept: " + e.cause.Error()
}

func (e *receiptError) Unwrap() error { return e.cause }
