package daemon_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"sealpost/services/server/state"
	"sealpost/shared/crypto/token"
	"sealpost/shared/framing"
	"sealpost/shared/logging/trail"
)

// trailed waits until the audit trail has n lines of a step, and returns the last.
func (l *live) trailed(step trail.Step, n int) (line map[string]any) {
	l.t.Helper()
	l.eventually(step.String(), func() bool {
		found := 0
		for text := range strings.Lines(l.logs.String()) {
			got := map[string]any{}
			if json.Unmarshal([]byte(text), &got) == nil && got[trail.FieldStep] == step.String() {
				found, line = found+1, got
			}
		}
		if found > n {
			l.t.Fatalf("%d lines of %s; the server's log:\n%s", found, step, l.logs.String())
		}
		return found == n
	})
	return line
}

// has fails where a line lacks what is wanted.
func has(t *testing.T, line, want map[string]any) {
	t.Helper()
	got := maps.Clone(line)
	maps.DeleteFunc(got, func(name string, _ any) bool { _, wanted := want[name]; return !wanted })
	if !maps.Equal(got, want) {
		t.Errorf("%v in the line, want %v", got, want)
	}
}

// What commands change beside a running server is in its log: what, and of whom.
func TestTrailOfSenders(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	l.ready()
	second, err := l.command.AddSender("store-17")
	check(t, err)
	has(t, l.trailed(trail.SenderAdded, 1), map[string]any{"by": trail.ByStateVolume, "sender": "store-17", "tokens": 1.0})
	_, err = l.command.AddSender("laptop")
	check(t, err)
	has(t, l.trailed(trail.SenderAdded, 2), map[string]any{"sender": "laptop"})

	bytes, rate := uint64(1000), 0.5
	_, err = l.command.SetLimits("laptop", state.LimitsChange{BytesPerDay: &bytes, Rate: &rate})
	check(t, err)
	has(t, l.trailed(trail.SenderLimited, 1), map[string]any{"by": trail.ByStateVolume, "sender": "laptop",
		"max_bytes_per_day": 1000.0, "max_rate": 0.5})
	bytes, rate = 0, 0
	_, err = l.command.SetLimits("laptop", state.LimitsChange{BytesPerDay: &bytes, Rate: &rate})
	check(t, err)
	has(t, l.trailed(trail.SenderLimited, 2), map[string]any{"max_bytes_per_day": 0.0, "max_rate": 0.0})

	conn, _ := l.session(l.token)
	used := l.trailed(trail.TokenFirstUsed, 1)
	has(t, used, map[string]any{"by": conn.LocalAddr().String(), "sender": "store-17"})
	l.session(l.token)
	l.session(second)
	l.trailed(trail.TokenFirstUsed, 2) // the second token's
	_, err = l.command.RemoveSender("store-17", false)
	check(t, err)
	has(t, l.trailed(trail.SenderRemoved, 1),
		map[string]any{"by": trail.ByStateVolume, "sender": "store-17", "tokens": 2.0})
	if strings.Contains(l.logs.String(), l.token.Reveal()) {
		t.Error("the log has a token")
	}
}

// The first use of a token is told once, also over a restart.
func TestTrailOfFirstUseOverARestart(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	l.session(l.token)
	l.trailed(trail.TokenFirstUsed, 1)
	l.stop()
	l.start()
	l.session(l.token)
	other, err := l.command.AddSender("laptop")
	check(t, err)
	l.session(other)
	has(t, l.trailed(trail.TokenFirstUsed, 2), map[string]any{"sender": "laptop"})
}

// A failed log-in shows who it claims to be, and nothing of its secret.
func TestTrailOfFailedLogIns(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	wrong, err := token.New("store-17")
	check(t, err)
	for i, c := range []struct{ hello, claimed string }{
		{wrong.Reveal(), "store-17"},
		{token.Prefix + "a\x1b[2J\u202e:" + strings.Repeat("x", 43), `a\x1b[2J\u202e`},
		{token.Prefix + strings.Repeat("n", 100) + ":x", strings.Repeat("n", 64)},
		{"password", ""},
	} {
		conn := l.hello(c.hello)
		has(t, l.trailed(trail.LogInFailed, i+1), map[string]any{"by": conn, "claimed": c.claimed,
			"reason": framing.CodeUnauthenticated.String(), "level": "warn"})
	}
	if text := l.logs.String(); strings.Contains(text, wrong.Reveal()[20:]) || strings.Contains(text, "password") {
		t.Errorf("the log has what may be a secret:\n%s", text)
	}
}

// Every step of a rotation is in the log with the keys that it is about.
func TestTrailOfIdentities(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	first := l.command.Pins()[0].String()
	l.next()
	next := l.command.Pins()[1].String()
	has(t, l.trailed(trail.IdentityNextMade, 1), map[string]any{"by": trail.ByStateVolume, "identity": next})
	check(t, l.command.DiscardNext())
	has(t, l.trailed(trail.IdentityNextDiscarded, 1), map[string]any{"by": trail.ByStateVolume, "identity": next})
	l.next()
	next = l.command.Pins()[1].String()
	l.trailed(trail.IdentityNextMade, 2)
	check(t, l.command.SwitchIdentity(time.Hour))
	has(t, l.trailed(trail.IdentitySwitched, 1),
		map[string]any{"by": trail.ByStateVolume, "identity": next, "former": first})
	_, err := l.command.RetireFormer()
	check(t, err)
	has(t, l.trailed(trail.IdentityRetired, 1), map[string]any{"by": trail.ByStateVolume, "identity": first})
	l.trailed(trail.IdentityNextDiscarded, 1) // the switch is none
	l.trailed(trail.IdentitySwitched, 1)
}
