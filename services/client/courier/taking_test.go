package courier

import (
	"fmt"
	"io"
	"slices"
	"testing"

	"sealpost/shared/framing"
)

// What is told of a server that puts messages off for a while.
func TestTaking(t *testing.T) {
	full := &laterError{code: framing.CodeNoSpace, reason: "full"}
	busy := &laterError{code: framing.CodeUnavailable, reason: "busy"}
	spoiled := &laterError{code: framing.CodePartSpoiled, reason: "spoiled"}
	taken := &laterError{code: framing.CodeCancelled, reason: "offered elsewhere"}
	over := &laterError{code: framing.CodeOverQuota, reason: "enough for today"}
	const isFull, isBusy = "server: full (no space)", "server: busy (unavailable)"
	type event struct {
		size   uint64
		err    error
		before bool // the attempt began before the first event
	}
	for name, one := range map[string]struct {
		events []event
		want   []string
	}{
		"all is well":               {[]event{{size: 1}, {size: 2}}, nil},
		"another error":             {[]event{{err: io.ErrUnexpectedEOF}, {size: 1}}, nil},
		"it begins and ends":        {[]event{{err: busy}, {err: busy}, {size: 1}, {size: 9}}, []string{isBusy, ""}},
		"wrapped":                   {[]event{{err: fmt.Errorf("wrapped: %w", busy)}}, []string{isBusy}},
		"another reason":            {[]event{{err: busy}, {err: full}, {err: busy}, {}}, []string{isBusy, isFull, ""}},
		"too large, smaller ones":   {[]event{{size: 9, err: full}, {size: 8}, {size: 9, err: full}}, []string{isFull}},
		"room for the smallest":     {[]event{{size: 9, err: full}, {size: 2, err: full}, {size: 2}}, []string{isFull, ""}},
		"it begins again":           {[]event{{err: busy}, {}, {err: busy}, {}}, []string{isBusy, "", isBusy, ""}},
		"about one body":            {[]event{{err: spoiled}, {err: taken}, {err: busy}, {}}, []string{isBusy, ""}},
		"about one sender":          {[]event{{err: over}, {err: busy}, {}}, []string{isBusy, ""}},
		"answered from before then": {[]event{{err: busy}, {before: true}, {}}, []string{isBusy, ""}},
	} {
		var told []string
		c := New(Config{Taking: func(reason string) { told = append(told, reason) }})
		began := c.taking.Attempt()
		for i, e := range one.events {
			spell := c.taking.Attempt()
			if e.before {
				spell = began
			}
			if c.ended(spell, Message{Size: e.size}, e.err); e.before && len(told) != 1 {
				t.Errorf("%s: event %d was told of: %q", name, i, told)
			}
		}
		if !slices.Equal(told, one.want) {
			t.Errorf("%s: told %q, want %q", name, told, one.want)
		}
	}
}
