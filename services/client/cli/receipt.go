package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
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
	if _, err := os.Lstat(r.receipt); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	text, err := bounded.ReadFile(r.receipt, receipt.MaxSize)
	switch {
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
	err := writeNew(r.receipt, text)
	if errors.Is(err, fs.ErrExist) {
		if err = r.checkReceipt(id); err == nil {
			err = durable.WriteFile(r.receipt, text, receiptMode)
		}
	}
	if err == nil {
		return nil
	}
	again := *r
	if errors.As(err, new(*takenError)) {
		again.receipt += "." + id.String()
	}
	return &receiptError{command: again.command(id), cause: err}
}

// writeNew makes a file durably, whole or not at all, replacing nothing: the
// error is then fs.ErrExist.
func writeNew(path string, text []byte) error {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, ".tmp-*")
	if err != nil {
		return err
	}
	_ = temp.Close()
	defer func() { _ = os.Remove(temp.Name()) }() // its other name stays
	if err := durable.WriteFile(temp.Name(), text, receiptMode); err != nil {
		return err
	}
	err = os.Link(temp.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = writeExclusive(path, text) // a file system without hard links
	}
	if err != nil {
		return err
	}
	return durable.SyncDir(dir)
}

// writeExclusive is for file systems without hard links: a crash may leave a
// part of the file.
func writeExclusive(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, receiptMode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}

// readReceipt reads a little more than a receipt may have, to be refused.
func readReceipt(path string) ([]byte, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, receipt.MaxSize+1))
	if err != nil {
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
