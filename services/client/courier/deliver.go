package courier

import (
	"errors"
	"fmt"

	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// deliver sends one message on this session and waits for its answer.
func (s *session) deliver(p *progress, m Message) (Delivery, error) {
	if m.Logbook != "" && m.Logbook != s.welcome.LogbookID {
		return Delivery{}, &LogbookError{Want: m.Logbook, Got: s.welcome.LogbookID}
	}
	select {
	case s.slots <- struct{}{}:
	case <-s.ended:
		return Delivery{}, s.cause()
	case <-p.late:
		return Delivery{}, p.over()
	case <-p.ctx.Done():
		return Delivery{}, p.over()
	}
	c, err := s.send(p, m)
	if err != nil {
		return Delivery{}, err
	}
	select {
	case <-c.answered:
	case <-s.ended:
		if !isClosed(c.answered) { // an answer that came before the end counts
			return Delivery{}, s.cause()
		}
	case <-p.late:
		return Delivery{}, p.over()
	case <-p.ctx.Done():
		return Delivery{}, p.over()
	}
	return s.judge(c, m)
}

// send puts one message on the wire.
func (s *session) send(p *progress, m Message) (*call, error) {
	o := offerOf(m)
	// The size first: that of the ciphertext of any size need not fit its type.
	if m.Size <= smallBody && bodySize(o) <= min(smallBody, uint64(s.welcome.Window)) {
		return s.sendSmall(p, m, o)
	}
	return s.sendLarge(p, m, o)
}

// laterError is a refusal that asks to try again.
type laterError struct {
	code   framing.Code
	reason string
}

func (e *laterError) Error() string {
	return fmt.Sprintf("server: %s (%s)", message.Visible(e.reason), e.code)
}

func offerOf(m Message) framing.Offer {
	o := framing.Offer{ID: m.ID, Cipher: framing.CipherNone, Size: m.Size, SHA256: m.SHA256, Name: m.Name}
	if m.Cipher == message.Cipher2012 {
		o.Cipher, o.EncryptedSize = framing.Cipher2012, cipher2012.EncryptedLen(m.Size)
	}
	return o
}

// judge turns an answer into a delivery or an error.
func (s *session) judge(c *call, m Message) (Delivery, error) {
	if r := c.refusal; r != nil {
		if r.Code.Class() == framing.ClassMessage {
			return Delivery{}, &Refusal{Code: r.Code, Of: OfMessage, Reason: r.Reason}
		}
		// Any other class, also one that belongs in a CLOSE, loses nothing by waiting.
		return Delivery{}, &laterError{r.Code, r.Reason}
	}
	entry, err := s.check(c.receipt, m)
	if err != nil {
		return Delivery{}, fmt.Errorf("the server's receipt cannot be accepted: %w", err)
	}
	s.cfg.Log.Info().Stringer("id", m.ID).Uint64("number", entry.Seq).Str("file", entry.File).Msg("message sent")
	return Delivery{Receipt: c.receipt, Entry: entry}, nil
}

// ErrForeignReceipt means that a receipt is genuine and about something else.
var ErrForeignReceipt = errors.New("it is about another message")

// check accepts a receipt only if a pinned identity signed its tree, for the
// logbook that the server named, the tree has its line at the place that the
// line names, and the line is about this message of this sender.
func (s *session) check(text []byte, m Message) (logfile.Entry, error) {
	opened, err := s.cfg.Receipts.Open(text)
	if err != nil {
		return logfile.Entry{}, err
	}
	e, err := logfile.OfReceipt(opened)
	if err != nil {
		return logfile.Entry{}, err
	}
	if opened.Origin != receipt.Origin(s.welcome.LogbookID) || e.Sender != s.cfg.Token.Sender() ||
		e.ID != m.ID || e.Name != m.Name || e.Cipher != m.Cipher || e.Size != m.Size || e.SHA256 != m.SHA256 {
		return logfile.Entry{}, ErrForeignReceipt
	}
	return e, nil
}

// broken ends a session whose last message did not go out whole: no other can
// follow it.
func (s *session) broken(err error) error {
	s.hearOut(err)
	<-s.ended
	return errors.Join(err, s.cause())
}
