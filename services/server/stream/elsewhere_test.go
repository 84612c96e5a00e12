package stream

import (
	"errors"
	"testing"
	"time"
)

// A node is left once it has had no answer for long enough, and not again at once; an answer that
// there is nothing is one.
func TestCompany(t *testing.T) {
	var c company
	silent, now := errors.New("no answer"), time.Unix(0, 0)
	for i, step := range []struct {
		after time.Duration
		err   error
		leave bool
	}{
		{0, silent, false},
		{lonelyAfter - 1, silent, false},
		{1, silent, true},
		{leaveEvery - 1, silent, false},
		{1, silent, true},
		{0, ErrNotFound, false},
		{leaveEvery, silent, false},
		{lonelyAfter, nil, false},
		{lonelyAfter, silent, false},
		{lonelyAfter, silent, true},
	} {
		now = now.Add(step.after)
		if leave := c.heard(step.err, now); leave != step.leave {
			t.Errorf("step %d: left %v", i, leave)
		}
	}
}
