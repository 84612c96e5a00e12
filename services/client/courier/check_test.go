package courier

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"testing"
	"time"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/receipt/receipttest"
	"sealpost/shared/crypto/token"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

const checkedLogbook = "0123456789abcdef0123456789abcdef"

// ledger is a server's logbook of two messages; the first is ours.
type ledger struct {
	t       testing.TB
	id      *identity.Identity
	logbook string
	message Message
	entries [2]logfile.Entry
	index   uint64 // of the receipt
}

func newLedger(t testing.TB) (*ledger, *session) {
	t.Helper()
	id, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	tok, err := token.New("store-17")
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("two barges in, one out\n")
	l := &ledger{t: t, id: id, logbook: checkedLogbook, message: Message{
		ID: message.NewID(), Name: "harbour.txt", Cipher: message.None, Size: uint64(len(text)), SHA256: sha256.Sum256(text),
		Open: func() (io.ReadSeekCloser, error) { return Unclosed(bytes.NewReader(text)), nil },
	}}
	for i := range l.entries {
		l.entries[i] = logfile.Entry{
			V: 1, Seq: uint64(i), File: logfile.FileName(uint64(i)), ID: l.message.ID, Sender: "store-17", Name: "harbour.txt",
			Cipher: message.None, ReceivedAt: time.Unix(1e9, 0), Size: l.message.Size, SHA256: l.message.SHA256,
		}
	}
	l.entries[1].ID = message.NewID()
	pins := identity.Pins{{Key: id.Public()}}
	return l, &session{
		cfg:     Config{Token: tok, Pins: pins, Receipts: receipt.NewVerifier(pins)},
		welcome: framing.Welcome{LogbookID: checkedLogbook},
	}
}

// receipt returns what the server sends.
func (l *ledger) receipt() []byte {
	l.t.Helper()
	var lines [][]byte
	for _, e := range l.entries {
		line, err := e.Line()
		if err != nil {
			l.t.Fatal(err)
		}
		lines = append(lines, line)
	}
	text, err := receipttest.Lines(l.id, l.logbook, lines, l.index)
	if err != nil {
		l.t.Fatal(err)
	}
	return text
}

// TestReceiptMustBeOurs: a server, or one who swaps its answers, sends receipts
// that are genuine and about something else.
func TestReceiptMustBeOurs(t *testing.T) {
	for name, change := range map[string]func(l *ledger, ours *logfile.Entry){
		"our own":           func(*ledger, *logfile.Entry) {},
		"of another answer": func(l *ledger, _ *logfile.Entry) { l.index = 1 },
		"of another logbook": func(l *ledger, _ *logfile.Entry) {
			l.logbook = "ff" + checkedLogbook[2:]
		},
		"of another sender": func(_ *ledger, e *logfile.Entry) { e.Sender = "store-18" },
		"of another name":   func(_ *ledger, e *logfile.Entry) { e.Name = "other.txt" },
		"of another size":   func(_ *ledger, e *logfile.Entry) { e.Size++ },
		"of another hash":   func(_ *ledger, e *logfile.Entry) { e.SHA256[31]++ },
		"of another cipher": func(_ *ledger, e *logfile.Entry) {
			e.Cipher, e.EncryptedSize = message.Cipher2012, 44
		},
	} {
		l, s := newLedger(t)
		change(l, &l.entries[0])
		entry, err := s.check(l.receipt(), l.message)
		if name == "our own" {
			if err != nil || entry != (withTime(l.entries[0])) {
				t.Errorf("%s: %+v, %v", name, entry, err)
			}
			continue
		}
		if !errors.Is(err, ErrForeignReceipt) || entry != (logfile.Entry{}) {
			t.Errorf("%s: %+v, %v", name, entry, err)
		}
	}
}

func withTime(e logfile.Entry) logfile.Entry {
	e.ReceivedAt = e.ReceivedAt.UTC()
	return e
}

// TestReceiptMustHold: what the tree and its signature say.
func TestReceiptMustHold(t *testing.T) {
	l, s := newLedger(t)
	text := l.receipt()
	if _, err := s.check(text, l.message); err != nil {
		t.Fatal(err)
	}
	cut := bytes.Index(text, []byte("\nindex 0\n"))
	wrong := bytes.Replace(text, []byte("\nindex 0\n"), []byte("\nindex 1\n"), 1)
	if _, err := s.check(wrong, l.message); !errors.Is(err, receipt.ErrProof) {
		t.Errorf("another index: %v", err)
	}
	if _, err := s.check(text[:cut], l.message); !errors.Is(err, receipt.ErrMalformed) {
		t.Errorf("cut: %v", err)
	}
	l.entries[0], l.entries[1] = l.entries[1], l.entries[0]
	l.index = 1
	var line *logfile.LineError
	if _, err := s.check(l.receipt(), l.message); !errors.As(err, &line) {
		t.Errorf("our line under another number: %v", err)
	}
	other, _ := newLedger(t)
	other.message = l.message
	if _, err := s.check(other.receipt(), l.message); !errors.Is(err, receipt.ErrSignature) {
		t.Errorf("of another server: %v", err)
	}
}
