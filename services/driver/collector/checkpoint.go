package collector

import (
	"bytes"
	"context"
	"strconv"
	"time"

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
	var s *session
	for attempt := 1; ; attempt++ {
		var err error
		if s == nil {
			if s, err = c.connect(ctx); err != nil {
				return nil, err
			}
		}
		text, err := s.readCheckpoint()
		lags := err == nil && signedLines(text) < c.Signed && time.Now().Before(patience)
		switch {
		case lags:
			attempt = 0
		case err == nil:
			c.known = c.Checkpoint(text, nil)
			return s, nil
		default:
			s.drop()
			s = nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil && attempt >= c.attemptsFor(err) {
			c.known = c.Checkpoint(nil, err)
			return nil, nil
		}
		c.Log.Debug().Err(err).Bool("lags", lags).Msg("checkpoint not there, trying again")
		if err := c.pause(ctx, max(attempt, 1)); err != nil {
			return nil, err
		}
	}
}

// signedLines returns the size that a checkpoint states in its second line, 0
// where it has none. Whether it is true is found out later.
func signedLines(text []byte) uint64 {
	lines := bytes.SplitN(text, []byte("\n"), 3)
	if len(lines) < 3 {
		return 0
	}
	size, err := strconv.ParseUint(string(lines[1]), 10, 64)
	if err != nil {
		return 0
	}
	return size
}

// readCheckpoint returns nil where the server has no checkpoint. The server may
// replace it at any moment; a transfer that does not fit the size asked for
// before is worth another attempt.
func (s *session) readCheckpoint() ([]byte, error) {
	size, err := s.size(logfile.CheckpointName)
	switch {
	case missing(err):
		return nil, nil
	case err != nil:
		return nil, err
	case size < 0 || size > receipt.MaxSize:
		return nil, ErrTooLarge
	}
	text := bytes.NewBuffer(make([]byte, 0, size))
	if size > 0 {
		err = s.retrieve(logfile.CheckpointName, 0, size, text)
	}
	if err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}
