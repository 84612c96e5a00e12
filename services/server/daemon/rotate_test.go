package daemon_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealpost/services/client/courier"
	"sealpost/services/server/logbook/local"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

// opens reports whether a receipt holds for who pins id alone.
func opens(text []byte, id *identity.Identity) bool {
	_, err := receipt.Open(text, identity.Pins{{Key: id.Public()}})
	return err == nil
}

// checkpointOpens is the same for the checkpoint beside the manifest.
func (l *live) checkpointOpens(id *identity.Identity) bool {
	signed, err := os.ReadFile(filepath.Join(l.cfg.DataDir, "logs", logfile.CheckpointName))
	if err == nil {
		_, err = receipt.OpenCheckpoint(signed, identity.Pins{{Key: id.Public()}})
	}
	return err == nil
}

// refused checks that a courier takes the server for another.
func (l *live) refused(c *courier.Courier) {
	l.t.Helper()
	var mismatch *identity.MismatchError
	if _, err := c.Deliver(l.t.Context(), text("refused.txt")); !errors.As(err, &mismatch) {
		l.t.Errorf("a client without the pin: %v", err)
	}
}

// shows waits until new connections meet id.
func (l *live) shows(id *identity.Identity) {
	l.t.Helper()
	m := text("probe.txt")
	l.eventually("the identity in TLS", func() bool {
		_, err := l.courier(id).Deliver(l.t.Context(), m)
		if err != nil && !errors.As(err, new(*identity.MismatchError)) {
			l.t.Fatal(err) // an answer that does not hold, for one
		}
		return err == nil
	})
}

func (l *live) verify(messages uint64) {
	l.t.Helper()
	n, err := local.Verify(local.Config{Dir: l.cfg.DataDir, ID: l.command.LogbookID(), Notary: l.command},
		func(d local.Difference) { l.t.Error(d) })
	if n.Checked != messages || err != nil {
		l.t.Errorf("verify: %d messages, %v, want %d", n.Checked, err, messages)
	}
}

func (l *live) next() *identity.Identity {
	l.t.Helper()
	id, err := l.command.NextIdentity()
	check(l.t, err)
	return id
}

// TestRotation goes through a whole rotation under the eyes of clients that
// pin the old identity, both, and the new one.
func TestRotation(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	l.ready()
	first, second := l.command.Identity(), l.next()
	old, both := l.courier(first), l.courier(first, second)
	early := text("early.txt")
	before := l.deliver(old, early)
	l.deliver(both, text("both.txt"))
	l.refused(l.courier(second))

	check(t, l.command.SwitchIdentity(time.Hour))
	l.shows(second)
	again := l.deliver(l.courier(second), early)
	if !opens(again.Receipt, second) || again.Entry != before.Entry {
		t.Errorf("a message of before the switch, sent again: %+v", again.Entry)
	}
	// Whoever is connected stays so, and with the old pin can still check.
	during := l.deliver(old, text("during.txt"))
	if !opens(during.Receipt, first) || !opens(during.Receipt, second) {
		t.Error("a receipt is not signed by both")
	}
	l.deliver(both, text("later.txt"))
	l.refused(l.courier(first))
	l.eventually("a checkpoint with both signatures", func() bool {
		return l.checkpointOpens(first) && l.checkpointOpens(second)
	})
	l.verify(5)

	_, err := l.command.RetireFormer()
	check(t, err)
	l.eventually("the end of the old signature", func() bool {
		return !opens(l.deliver(both, early).Receipt, first)
	})
	l.eventually("a checkpoint without it", func() bool { return l.checkpointOpens(second) && !l.checkpointOpens(first) })
	if !opens(before.Receipt, first) {
		t.Error("the old receipt does not hold for who lists the old pin")
	}
	l.stop()
	l.start()
	l.ready()
	l.deliver(l.courier(second), early)
	if !strings.Contains(l.logs.String(), "identity in use: "+l.command.Pins().String()) {
		t.Errorf("the log does not tell:\n%s", l.logs.String())
	}
}

// TestOverlapEnds: at its date the old identity signs no more, and its private
// key is deleted, by the running server.
func TestOverlapEnds(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	l.ready()
	first, second := l.command.Identity(), l.next()
	m := text("a.txt")
	l.deliver(l.courier(first), m)
	check(t, l.command.SwitchIdentity(time.Second))
	l.shows(second)
	c := l.courier(second)
	l.eventually("the date", func() bool { return !opens(l.deliver(c, m).Receipt, first) })
	l.eventually("the end of the private key", func() bool {
		former, err := os.ReadFile(filepath.Join(l.cfg.StateDir, "identities_former.jsonl"))
		check(t, err)
		return !strings.Contains(string(former), "PRIVATE")
	})
}

// TestSwitchWhileStopped: the volumes of a server whose identity was replaced
// while it was down, and never signed again, still fit.
func TestSwitchWhileStopped(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	l.ready()
	first := l.command.Identity()
	m := text("a.txt")
	l.deliver(l.courier(first), m)
	l.stop()
	second := l.next()
	check(t, l.command.SwitchIdentity(0))
	if !l.checkpointOpens(first) {
		t.Fatal("the checkpoint is not of before the switch")
	}
	l.verify(1)
	l.start()
	l.ready()
	if d := l.deliver(l.courier(second), m); opens(d.Receipt, first) {
		t.Error("the old identity still signs")
	}
	l.eventually("a checkpoint of the new identity", func() bool { return l.checkpointOpens(second) })
}
