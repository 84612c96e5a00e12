package durable

import (
	"errors"
	"testing"
)

func TestDirtyBytes(t *testing.T) {
	n, err := DirtyBytes()
	if err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// The more files there are to be flushed one by one, the more bytes of others are worth
// writing out beside them.
func TestWhatIsFlushedTogether(t *testing.T) {
	const files, own = 100, 1 << 20
	bound := uint64(ForeignDirty + files*ForeignDirtyPerFile + own)
	for name, test := range map[string]struct {
		dirty   uint64
		err     error
		trusted bool
		want    bool
	}{
		"less than the bound": {dirty: bound - 1, trusted: true, want: true},
		"the bound":           {dirty: bound, trusted: true},
		"nobody knows":        {err: errors.New("no figure"), trusted: true},
		"not trusted":         {},
	} {
		t.Run(name, func(t *testing.T) {
			f := NewFlusher(test.trusted, func() (uint64, error) { return test.dirty, test.err })
			if got := f.Together(files, own); got != test.want {
				t.Errorf("together: %v", got)
			}
		})
	}
}
