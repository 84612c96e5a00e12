package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/windows"

	"sealpost/shared/message"
)

// endOfInput is what a person types at a terminal behind the message.
const endOfInput = "Ctrl-Z"

// What a command line asks of an outbox is refused before any of these is called.
func (r *runner) sendOutbox(context.Context) error    { return checkSystem(runtime.GOOS) }
func (r *runner) resend(context.Context) error        { return checkSystem(runtime.GOOS) }
func (r *runner) acceptLogbook(context.Context) error { return checkSystem(runtime.GOOS) }
func (r *runner) waiting() (int, error)               { return 0, checkSystem(runtime.GOOS) }
func outboxStatus(error) int                          { return exitFailed }
func outboxHint(error) string                         { return "" }

// checkReceiptPlace finds out whether a receipt can be put where it is to go. On
// Windows none is replaced, not even one of the same message.
func (o options) checkReceiptPlace() error {
	if o.receipt == "" {
		return nil
	}
	if info, err := os.Stat(filepath.Dir(o.receipt)); err != nil || !info.IsDir() {
		return &inputError{filepath.Dir(o.receipt) + " is not a directory"}
	}
	switch _, err := os.Lstat(o.receipt); {
	case err == nil:
		return &inputError{o.receipt + " is there, and on Windows no receipt is replaced"}
	case !errors.Is(err, fs.ErrNotExist):
		return &inputError{err.Error()}
	}
	return nil
}

// checkReceipt has nothing to add once checkReceiptPlace has looked.
func (r *runner) checkReceipt(message.ID) error { return nil }

// writeReceipt makes the file, which must not be there.
func (r *runner) writeReceipt(_ message.ID, text []byte) error {
	f, err := os.OpenFile(r.receipt, os.O_WRONLY|os.O_CREATE|os.O_EXCL, receiptMode)
	if errors.Is(err, fs.ErrExist) {
		return &takenError{r.receipt, "is there, and on Windows no receipt is replaced"}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(r.receipt)
	}
	return err
}

// unnamed makes a temporary file that is gone when it is closed.
func unnamed() (*os.File, error) {
	const flags = os.O_RDWR | os.O_CREATE | os.O_EXCL | windows.FILE_FLAG_DELETE_ON_CLOSE
	return os.OpenFile(filepath.Join(os.TempDir(), "client-"+rand.Text()), flags, 0o600)
}
