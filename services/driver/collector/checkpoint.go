package collector

import (
	"bytes"
	"context"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

// checkpointWait bounds the time for a checkpoint that lags behind receipts: a
// server publishes about once a second.
const checkpointWait = 10 * time.Second

// fetchCheckpoint brings the server's checkpoint to who wants it. It is fetched
// before the manifest, which then has at least its lines: a server signs what
// is in the manifest already. The session that it used is returned, nil where it
// is of no more use.
func (c *collector) fetchCheckpoint(ctx context.Context) (*session, error) {
	if c.Checkpoint == nil {
		return nil, nil
	}
	patience := time.Now().Add(min(c.Wait, checkpointWait))
	pauses, n, failed := c.pauses(), 0, false
	var stop error
	s, err := c.overSession(ctx, nil, pauses, func(s *session) error {
		n++
		text, err := s.readCheckpoint()
		if err == nil && c.lags(text) && time.Now().Before(patience) {
			err, n = errLags, 0
			pauses.Reset()
		}
		switch {
		case err == nil:
			if c.known, stop = c.Checkpoint(text, nil); stop != nil {
				return backoff.Permanent(stop)
			}
		case ctx.Err() == nil && n >= c.attemptsFor(err):
			failed = true
			c.known, stop = c.Checkpoint(nil, err)
			return backoff.Permanent(err)
		default:
			c.Log.Debug().Err(err).Msg("checkpoint not there, trying again")
		}
		return err
	})
	if stop != nil {
		return s, stop
	}
	if failed { // who wants it has the error
		return s, nil
	}
	return s, err
}

// lags reports whether a checkpoint is of fewer lines than receipts of its logbook.
func (c *collector) lags(text []byte) bool {
	if c.Signed == nil {
		return false
	}
	origin, lines := signedLines(text)
	return lines < c.Signed(origin)
}

// signedLines returns the origin and the size that a checkpoint states in its first
// two lines, nothing where it has none. Whether they are true is found out later.
func signedLines(text []byte) (origin string, size uint64) {
	lines := bytes.SplitN(text, []byte("\n"), 3)
	if len(lines) < 3 {
		return "", 0
	}
	size, err := strconv.ParseUint(string(lines[1]), 10, 64)
	if err != nil {
		return "", 0
	}
	return string(lines[0]), size
}

// readCheckpoint returns nil where the server has no checkpoint. The server may
// replace it at any moment; a transfer that does not fit the size asked for
// before is worth another attempt.
func (s *session) readCheckpoint() ([]byte, error) {
	return s.readSmall(logfile.CheckpointName, receipt.MaxSize)
}

// readSmall is readCheckpoint for a file of at most so many bytes.
func (s *session) readSmall(name string, most int64) ([]byte, error) {
	size, err := s.size(name)
	switch {
	case missing(err):
		return nil, nil
	case err != nil:
		return nil, err
	case size < 0 || size > most:
		return nil, ErrTooLarge
	}
	text := bytes.NewBuffer(make([]byte, 0, size))
	if size > 0 {
		err = s.retrieve(name, 0, size, text)
	}
	if err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}
