package collector

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

// retiredEvery bounds how often the note is fetched again: a server may retire while it is
// collected from, and many files may be missing that it has not retired.
const retiredEvery = time.Second

// named are the messages that are known to be retired.
type named struct {
	mu      sync.Mutex // also of a fetch that a missing file asks for
	numbers numbers.Set
	again   time.Time // when a missing file asked for it last
}

func (p *named) has(seq uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.numbers.Has(seq)
}

// fetchRetired brings the server's note of retired messages to who judges it, and goes
// on with the session as fetchCheckpoint does.
func (c *collector) fetchRetired(ctx context.Context, s *session) (*session, error) {
	if c.Retired == nil {
		return s, nil
	}
	n, failed := 0, false
	s, err := c.overSession(ctx, s, c.pauses(), func(s *session) error {
		n++
		text, err := s.readRetired()
		switch {
		case err == nil:
			c.retired.set(c.Retired(text, nil))
		case ctx.Err() == nil && n >= c.attemptsFor(err):
			c.retired.set(c.Retired(nil, err))
			failed = true
			return backoff.Permanent(err)
		default:
			c.Log.Debug().Err(err).Msg("list of retired messages not there, trying again")
		}
		return err
	})
	if failed { // who judges it has the error
		return s, nil
	}
	return s, err
}

func (p *named) set(n numbers.Set) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.numbers = n
}

func (s *session) readRetired() ([]byte, error) {
	return s.readSmall(logfile.RetiredName, int64(receipt.MaxRetired))
}

// isRetired reports whether a message was retired whose file is missing: maybe since the
// note was fetched. What keeps it from being fetched now leaves the file missing.
func (c *collector) isRetired(s *session, seq uint64) bool {
	p := &c.retired
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.numbers.Has(seq) || c.Retired == nil || time.Since(p.again) < retiredEvery {
		return p.numbers.Has(seq)
	}
	if text, err := s.readRetired(); err == nil {
		p.numbers = c.Retired(text, nil)
	}
	p.again = time.Now()
	return p.numbers.Has(seq)
}
