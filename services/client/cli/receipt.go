package cli

import (
	"errors"
	"fmt"

	"sealpost/services/client/courier"
	"sealpost/shared/bounded"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/message"
)

// receiptMode lets others read a receipt: it holds no secret.
const receiptMode = 0o644

// takenError means that -receipt names a file that is not to be replaced.
type takenError struct{ path, what string }

func (e *takenError) Error() string { return fmt.Sprintf("-receipt: %s %s", e.path, e.what) }

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
