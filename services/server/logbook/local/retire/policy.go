package retire

import (
	"errors"
	"time"

	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

// Policy says how long messages stay, the oldest number first. Zeros: for ever.
type Policy struct {
	For   time.Duration // since it was received
	Bytes uint64        // that all log files may have together
}

// Any reports whether anything goes by the policy.
func (p Policy) Any() bool { return p != Policy{} }

// errEnough ends a look at the manifest.
var errEnough = errors.New("enough")

// Before returns the messages from the oldest on that were received before a time, up
// to the first that was not: times need not rise with the numbers, and none that was
// received later may go.
func (r *Retirer) Before(limit time.Time) (numbers.Set, error) {
	r.mu.Lock()
	kept := r.kept()
	r.mu.Unlock()
	return r.oldest(kept, func(e logfile.Entry) bool { return e.ReceivedAt.Before(limit) })
}

// oldest returns the messages from the oldest on, of those that are kept, up to the first
// that does not go.
func (r *Retirer) oldest(kept []numbers.Range, goes func(logfile.Entry) bool) (which numbers.Set, err error) {
	for _, one := range kept {
		err := r.Manifest.Each(one, func(e logfile.Entry) error {
			if !goes(e) {
				return errEnough
			}
			which.Add(numbers.One(e.Seq))
			return nil
		})
		if errors.Is(err, errEnough) {
			return which, nil
		}
		if err != nil {
			return numbers.Set{}, err
		}
	}
	return which, nil
}

// kept returns the numbers of the messages that are signed for and not retired. It is called
// with mu held.
func (r *Retirer) kept() []numbers.Range {
	signed := r.Signed()
	if signed == 0 {
		return nil
	}
	var n numbers.Set
	n.Add(numbers.Range{First: 0, Last: signed - 1})
	n.RemoveAll(r.note.Numbers)
	return n.Ranges()
}

// Due returns what goes by the policy now.
func (r *Retirer) Due(p Policy, now time.Time) (numbers.Set, error) {
	r.mu.Lock()
	kept, gone := r.kept(), numbers.Set{}
	if p.Bytes > 0 {
		gone, r.uncounted = r.uncounted, gone
	}
	r.mu.Unlock()
	over := uint64(0)
	if p.Bytes > 0 {
		if err := r.count(kept, gone); err != nil {
			return numbers.Set{}, err
		}
		over = r.sum - min(r.sum, p.Bytes)
	}
	return r.oldest(kept, func(e logfile.Entry) bool {
		old := p.For > 0 && !e.ReceivedAt.After(now.Add(-p.For))
		// One that is younger does not go by its age; by the room it may.
		full := over > 0
		over -= min(over, e.FileSize)
		return old || full
	})
}

// count brings sum to the messages that are kept, now that others have gone. The first time
// it reads all lines of those that are kept, then the new ones alone.
func (r *Retirer) count(kept []numbers.Range, gone numbers.Set) error {
	if err := r.uncount(gone); err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.uncounted.AddAll(gone)
		return err
	}
	for _, one := range kept {
		one.First = max(one.First, r.counted)
		err := r.Manifest.Each(one, func(e logfile.Entry) error {
			r.sum, r.counted = r.sum+e.FileSize, e.Seq+1
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// uncount takes what is retired out of sum.
func (r *Retirer) uncount(gone numbers.Set) error {
	bytes := uint64(0)
	for _, one := range gone.Ranges() {
		if one.First >= r.counted {
			break
		}
		err := r.Manifest.Each(one, func(e logfile.Entry) error {
			if e.Seq < r.counted {
				bytes += e.FileSize
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	r.sum -= bytes
	return nil
}
