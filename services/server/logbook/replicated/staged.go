package replicated

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// staged is one message on its way in, before it is published.
type staged struct {
	l       *Logbook
	draft   logbook.Draft
	rules   entry.Settings // as it began
	plain   spool
	cipher  spool // the base64 text, where the log file has it
	digest  hash.Hash
	text    uint64 // bytes of base64 text
	settled bool   // only Discard and Suspend may follow, and do nothing
}

var errNoSettings = errors.New("the replicated log does not say yet how log files are written")

// Stage opens a message for writing.
func (l *Logbook) Stage(ctx context.Context, d logbook.Draft) (logbook.Staged, error) {
	if err := l.Accepting(); err != nil {
		return nil, err
	}
	rules := l.waiters.current()
	if rules == nil {
		return nil, fmt.Errorf("%w: %w", logbook.ErrUnavailable, errNoSettings)
	}
	scratch := func(limit uint64) func() (logbook.Scratch, error) {
		return func() (logbook.Scratch, error) { return l.Scratch(ctx, d.Sender, limit) }
	}
	return &staged{
		l: l, draft: d, rules: *rules, digest: sha256.New(),
		plain: spool{open: scratch(d.Size)}, cipher: spool{open: scratch(d.EncryptedSize)},
	}, nil
}

// Kept is 0: nothing is kept of a message that was cut off.
func (s *staged) Kept() uint64 { return 0 }

// Compare has nothing to compare with.
func (s *staged) Compare([]byte, uint64) error { return nil }

// Write takes the deciphered bytes.
func (s *staged) Write(p []byte) (int, error) {
	if s.settled {
		return 0, logbook.ErrTaken
	}
	if uint64(len(p)) > s.draft.Size-s.plain.size {
		return 0, fmt.Errorf("%w: more than the declared %d bytes", logbook.ErrMismatch, s.draft.Size)
	}
	s.digest.Write(p)
	return s.plain.Write(p)
}

// WriteCiphertext takes the base64 text.
func (s *staged) WriteCiphertext(p []byte) (int, error) {
	if uint64(len(p)) > s.draft.EncryptedSize-s.text {
		return 0, fmt.Errorf("%w: more than the declared %d bytes of ciphertext", logbook.ErrMismatch, s.draft.EncryptedSize)
	}
	s.text += uint64(len(p))
	if s.draft.EncryptedSize > s.rules.CiphertextMax {
		return len(p), nil
	}
	return s.cipher.Write(p)
}

// LeastRate is that of the room it holds.
func (s *staged) LeastRate() uint64 { return max(s.plain.leastRate(), s.cipher.leastRate()) }

// Commit checks the content and publishes it.
func (s *staged) Commit(ctx context.Context, then func(logbook.Facts, error)) {
	if s.settled {
		then(logbook.Facts{}, logbook.ErrTaken)
		return
	}
	s.settled = true
	err := s.check()
	if err == nil {
		err = s.l.Accepting()
	}
	if err != nil {
		s.close()
		then(logbook.Facts{}, err)
		return
	}
	if facts, known, err := s.known(ctx); known || err != nil {
		s.close()
		then(facts, err)
		return
	}
	s.publish(then)
}

// known answers a message that the volume keeps, or whose id it does.
func (s *staged) known(ctx context.Context) (facts logbook.Facts, known bool, err error) {
	facts, known, err = s.l.Lookup(ctx, s.draft.Sender, s.draft.ID)
	if known {
		facts, err = facts.Again(s.draft)
	}
	return facts, known, err
}

func (s *staged) check() error {
	if err := s.draft.Differs(s.plain.size, s.text, logfile.Digest(s.digest.Sum(nil))); err != nil {
		return fmt.Errorf("%w: %w", logbook.ErrMismatch, err)
	}
	return nil
}

func (s *staged) header() entry.Header {
	d := s.draft
	return entry.Header{Kind: entry.KindMessage, Attempt: message.NewID(), Message: &entry.Message{
		Sender: d.Sender, ID: d.ID, Name: d.Name, Cipher: d.Cipher,
		Size: d.Size, EncryptedSize: d.EncryptedSize, SHA256: d.SHA256,
	}}
}

// publish puts the message into the log. A large one goes in pieces, which takes time.
func (s *staged) publish(then func(logbook.Facts, error)) {
	h := s.header()
	size := fold.BodySize(*h.Message, s.rules)
	if size > entry.ChunkSize {
		if !s.l.begin(func() { s.publishLarge(h, size, then) }) {
			s.close()
			then(logbook.Facts{}, logbook.ErrClosed)
		}
		return
	}
	body := make([]byte, size)
	_, err := io.ReadFull(s.body(), body)
	s.close()
	if err != nil {
		then(logbook.Facts{}, s.l.Failed(err))
		return
	}
	s.l.publishMessage(h, body, then)
}

// publishMessage has then called once this server's volume keeps the message, or nobody knows.
func (l *Logbook) publishMessage(h entry.Header, body []byte, then func(logbook.Facts, error)) {
	l.waiters.add(h, body, func(_ uint64, facts logbook.Facts, err error) { then(facts, err) })
}

func (s *staged) body() io.Reader { return io.MultiReader(s.plain.reader(), s.cipher.reader()) }

func (s *staged) close() {
	s.plain.close()
	s.cipher.close()
}

// Discard drops the message and frees its space.
func (s *staged) Discard() {
	if !s.settled {
		s.settled = true
		s.close()
	}
}

// Suspend drops the message.
func (s *staged) Suspend() { s.Discard() }
