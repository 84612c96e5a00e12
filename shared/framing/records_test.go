package framing

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestLongReason: a reason that is too long, or no text, never costs the answer.
func TestLongReason(t *testing.T) {
	for name, test := range map[string]struct{ reason, want string }{
		"fits":             {strings.Repeat("r", MaxReason), strings.Repeat("r", MaxReason)},
		"too long":         {strings.Repeat("r", MaxReason+1), strings.Repeat("r", MaxReason)},
		"inside two bytes": {strings.Repeat("r", MaxReason-1) + "éé", strings.Repeat("r", MaxReason-1)},
		"inside four":      {strings.Repeat("r", MaxReason-3) + "😀", strings.Repeat("r", MaxReason-3)},
		"after four":       {strings.Repeat("r", MaxReason-4) + "😀!", strings.Repeat("r", MaxReason-4) + "😀"},
		"no text":          {"\xff\xfe", "reason is not text"},
	} {
		t.Run(name, func(t *testing.T) {
			refused, err := ParseRefusal(AppendRefusal(nil, Refusal{1, CodeBusy, test.reason})[HeaderSize:])
			if err != nil || refused.Reason != test.want {
				t.Errorf("REFUSAL: %q and %v", refused.Reason, err)
			}
			closed, err := ParseClose(AppendClose(nil, Close{CodeBusy, test.reason})[HeaderSize:])
			if err != nil || closed.Reason != test.want || !utf8.ValidString(closed.Reason) {
				t.Errorf("CLOSE: %q and %v", closed.Reason, err)
			}
		})
	}
}

// TestTrailingBytes: a payload of fixed size has no room for more, whoever hands
// it over.
func TestTrailingBytes(t *testing.T) {
	for n := range 17 {
		_, err := ParseAccept(make([]byte, n))
		var breach *Error
		if (n == acceptSize) != (err == nil) || err != nil && !errors.As(err, &breach) {
			t.Errorf("ACCEPT of %d bytes: %v", n, err)
		}
	}
}

// TestReceiptIsACopy: a receipt outlives the record that it came in.
func TestReceiptIsACopy(t *testing.T) {
	payload := AppendReceipt(nil, Receipt{7, []byte("text")})[HeaderSize:]
	r, err := ParseReceipt(payload)
	if err != nil {
		t.Fatal(err)
	}
	copy(payload, "overwritten")
	if r.Ref != 7 || string(r.Text) != "text" {
		t.Errorf("it became %d and %q", r.Ref, r.Text)
	}
}

// TestCodes: what a client does with a code follows from its first byte, also
// with a code of a later version.
func TestCodes(t *testing.T) {
	for class, codes := range map[Class][]Code{
		ClassMessage:         {CodeTooLarge, CodeBadOffer, CodeIDConflict, CodeMismatch, CodeBadCiphertext, 0x01ff},
		ClassMessageLater:    {CodeUnavailable, CodeUnknown, CodeNoSpace, CodeCancelled, 0x02ff},
		ClassConnection:      {CodeProtocol, CodeUnauthenticated, 0x03ff},
		ClassConnectionLater: {CodeBusy, CodeShuttingDown, CodeTooSlow, CodeIdle, 0x04ff},
		0:                    {0}, 5: {0x0501}, 0xff: {0xffff},
	} {
		for _, code := range codes {
			if code.Class() != class {
				t.Errorf("%s (0x%04x): class %d", code, uint16(code), code.Class())
			}
		}
	}
	if got := Code(0x0501).String(); got != "code 0x0501" {
		t.Errorf("an unknown code is called %q", got)
	}
}

// TestKey2012: a stream that ends before the key does is never a clean end.
func TestKey2012(t *testing.T) {
	stream := []byte("0123456789abcdef0123456789ABCDEFdGV4dA==")
	for n := range len(stream) {
		r := bytes.NewReader(stream[:n])
		key, err := ReadKey2012(r)
		if n < KeySize2012 {
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%d bytes: %v", n, err)
			}
			continue
		}
		if rest, _ := io.ReadAll(r); err != nil || string(key[:]) != string(stream[:KeySize2012]) ||
			len(rest) != n-KeySize2012 {
			t.Errorf("%d bytes: key %q, %d bytes behind it, %v", n, key, len(rest), err)
		}
	}
}
