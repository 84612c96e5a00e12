package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Purge removes the entries below a position. It refuses one beyond that of the next
// entry: the nodes would go on counting from there.
func (s *Stream) Purge(ctx context.Context, below uint64) error {
	if below <= 1 {
		return nil // there are none; to the nodes 0 means all
	}
	info, err := s.Info(ctx)
	if err != nil {
		return err
	}
	if below > info.Last+1 {
		return fmt.Errorf("%s: cannot purge below %d, the last entry is %d", s, below, info.Last)
	}
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	return s.held.Purge(ctx, jetstream.WithPurgeSequence(below))
}

const (
	lookEvery = 100 * time.Millisecond
	// electionWait is longer than an election takes (4 to 9 s) when the leader named
	// none in its place.
	electionWait = 15 * time.Second
)

// StepDown has a node that leads give up its place to one of the others, and waits until
// another one leads. Where none can the old one leads again: that is no error, and takes
// longer. Where another one leads already nothing is done: several servers may find the
// same fault, and the second must not have the good leader step down, too.
func (s *Stream) StepDown(ctx context.Context, leader string) error {
	info, err := s.Info(ctx)
	if err != nil || info.Leader != leader {
		return err
	}
	if err := s.orderStepDown(ctx); err != nil {
		return fmt.Errorf("%s: %s does not step down: %w", s, leader, err)
	}
	return s.awaitLeader(ctx, leader)
}

func (s *Stream) orderStepDown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	m, err := s.conn.RequestWithContext(ctx, "$JS.API.STREAM.LEADER.STEPDOWN."+s.cfg.Name, nil)
	if err != nil {
		return err
	}
	var answer struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return err
	}
	if answer.Error != nil {
		return answer.Error
	}
	return nil
}

// awaitLeader waits until another node than old leads, or until old has had the time to
// be elected again.
func (s *Stream) awaitLeader(ctx context.Context, old string) error {
	late := time.After(electionWait)
	for {
		info, err := s.Info(ctx)
		if err == nil && info.Leader != "" && info.Leader != old {
			return nil
		}
		select {
		case <-time.After(lookEvery):
		case <-late:
			return err // nil: old leads again
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
