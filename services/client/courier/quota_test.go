package courier

import (
	"errors"
	"io"
	"testing"
	"time"

	"sealpost/shared/framing"
)

// A message that is over its sender's quota is offered again on the same connection, not
// before its time.
func TestOverQuotaWaits(t *testing.T) {
	m, _ := long()
	open, opened := m.Open, []time.Time(nil)
	m.Open = func() (io.ReadSeekCloser, error) { opened = append(opened, time.Now()); return open() }
	a := &asker{offsets: []uint64{0, 0}, codes: []framing.Code{framing.CodeOverQuota, framing.CodeTooLarge},
		reason: "retry-after=1; enough"}
	err, _ := a.ask(t, m)
	if !errors.As(err, new(*RefusalError)) || len(opened) != 2 {
		t.Fatalf("%v in %d tries", err, len(opened))
	}
	if after := opened[1].Sub(opened[0]); after < time.Second {
		t.Errorf("offered again after %v", after)
	}
}

// One that is to be postponed comes back with its time; no server keeps a client waiting
// for ever.
func TestOverQuotaPostponed(t *testing.T) {
	for span, want := range map[string]time.Duration{"3600": time.Hour, "4294967295": mostRetryAfter} {
		m, _ := long()
		m.Postpone = true
		a := &asker{offsets: []uint64{0}, codes: []framing.Code{framing.CodeOverQuota}, reason: "retry-after=" + span + "; x"}
		begun := time.Now()
		err, _ := a.ask(t, m)
		var postponed *PostponedError
		if !errors.As(err, &postponed) || postponed.Until.Before(begun.Add(want)) ||
			postponed.Until.After(time.Now().Add(want)) {
			t.Errorf("after %s s: %v", span, err)
		}
	}
}
