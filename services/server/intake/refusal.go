package intake

import (
	"errors"
	"fmt"

	"sealpost/services/server/logbook"
	"sealpost/services/server/quota"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/framing"
	"sealpost/shared/message"
)

// refusalError is why a message is not taken: what its sender hears, and the cause
// for the log.
type refusalError struct {
	code   framing.Code
	reason string
	cause  error
}

func (r *refusalError) Error() string {
	if r.cause != nil {
		return r.cause.Error()
	}
	return r.reason
}

func (r *refusalError) Unwrap() error { return r.cause }

func refuse(code framing.Code, format string, args ...any) *refusalError {
	return &refusalError{code: code, reason: fmt.Sprintf(format, args...)}
}

// reasons are what a sender hears of an error whose details are the server's.
var reasons = []struct {
	is     error
	code   framing.Code
	reason string
}{
	{logbook.ErrConflict, framing.CodeIDConflict, "this message id is taken by other content"},
	{logbook.ErrMismatch, framing.CodeMismatch, "the bytes differ from the declared size or SHA-256"},
	{logbook.ErrSpoiled, framing.CodePartSpoiled, "what was kept of it does not fit, send it whole"},
	{logbook.ErrTaken, framing.CodeCancelled, "it was offered again on another connection"},
	{cipher2012.ErrBase64, framing.CodeBadCiphertext, "the ciphertext is not base64"},
	{cipher2012.ErrLength, framing.CodeBadCiphertext, "the ciphertext is not whole blocks"},
	{cipher2012.ErrPadding, framing.CodeBadCiphertext, "the padding is wrong"},
	{logbook.ErrNoSpace, framing.CodeNoSpace, "no room for it now, try again later"},
	{logbook.ErrUnavailable, framing.CodeUnavailable, "the logbook cannot take it now, try again later"},
}

// refusalOf turns an error into what the sender hears. An error that nobody
// foresaw leaves the outcome open: trying again is right, giving up is not.
func refusalOf(err error) *refusalError {
	var r *refusalError
	var over *quota.OverError
	var large *quota.TooLargeError
	switch {
	case errors.As(err, &r):
		return r
	case errors.As(err, &over):
		return &refusalError{framing.CodeOverQuota, framing.RetryReason(over.After, over.Reason), err}
	case errors.As(err, &large):
		return &refusalError{framing.CodeTooLarge, large.Error(), err}
	}
	for _, known := range reasons {
		if errors.Is(err, known.is) {
			return &refusalError{known.code, known.reason, err}
		}
	}
	return &refusalError{framing.CodeUnknown, "the outcome is not known, try again", err}
}

// draftOf makes the draft of an offer as it stands; judge says whether it can be.
func draftOf(o framing.Offer, sender string) logbook.Draft {
	d := logbook.Draft{
		ID: o.ID, Sender: sender, Name: o.Name, Cipher: message.None,
		Size: o.Size, EncryptedSize: o.EncryptedSize, SHA256: o.SHA256,
	}
	if o.Cipher == framing.Cipher2012 {
		d.Cipher = message.Cipher2012
	}
	return d
}

// judge says why an offer cannot be taken, nil when it can.
func judge(o framing.Offer, limit uint64) error {
	if err := message.CheckName(o.Name); err != nil {
		return &refusalError{framing.CodeBadOffer, "the message name " + ruleOf(err), err}
	}
	if o.Size > limit {
		return refuse(framing.CodeTooLarge, "%d bytes, at most %d are taken", o.Size, limit)
	}
	want := uint64(0)
	switch o.Cipher {
	case framing.CipherNone:
	case framing.Cipher2012:
		want = cipher2012.EncryptedLen(o.Size)
	default:
		return refuse(framing.CodeBadOffer, "cipher %d is not known, only %d and %d are", o.Cipher, framing.CipherNone,
			framing.Cipher2012)
	}
	if o.EncryptedSize != want {
		return refuse(framing.CodeBadOffer, "encrypted size %d does not belong to size %d, %d does",
			o.EncryptedSize, o.Size, want)
	}
	return nil
}

// ruleOf is the rule that a name breaks. It shows nothing of the name.
func ruleOf(err error) string {
	if e := new(message.NameError); errors.As(err, &e) {
		return e.Rule
	}
	return "is not allowed"
}

// sizeMismatch is for a body that is not as long as was declared.
func sizeMismatch(format string, args ...any) *refusalError {
	reason := fmt.Sprintf(format, args...)
	return &refusalError{framing.CodeMismatch, reason, fmt.Errorf("%w: %s", logbook.ErrMismatch, reason)}
}
