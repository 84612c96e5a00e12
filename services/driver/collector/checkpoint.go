package collector

import (
	"bytes"
	"context"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

// fetchCheckpoint brings the server's checkpoint to who wants it. It is fetched
// before the manifest, which then has at least its lines: a server signs what
// is in the manifest already. The session that it used is returned, nil where it
// is of no more use.
func (c *collector) fetchCheckpoint(ctx context.Context) (*session, error) {
	if c.Checkpoint == nil {
		return nil, nil
	}
	for attempt := 1; ; attempt++ {
		s, err := c.connect(ctx)
		if err != nil {
			return nil, err
		}
		text, err := s.readCheckpoint()
		if err == nil {
			c.known = c.Checkpoint(text, nil)
			return s, nil
		}
		s.drop()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if attempt >= c.attemptsFor(err) {
			c.known = c.Checkpoint(nil, err)
			return nil, nil
		}
		c.Log.Debug().Err(err).Int("attempt", attempt).Msg("checkpoint not fetched, trying again")
		if err := c.pause(ctx, attempt); err != nil {
			return nil, err
		}
	}
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
