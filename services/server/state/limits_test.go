package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealpost/services/server/quota"
)

func limitsOf(bytes uint64, rate float64) LimitsChange { return LimitsChange{&bytes, &rate} }

// Limits are followed like tokens, are the name's, and come before the first token.
func TestLimits(t *testing.T) {
	dir := t.TempDir()
	server, command := open(t, dir), open(t, dir)
	want := func(name string, want quota.Limits) {
		t.Helper()
		if got := server.Limits(name); got != want {
			t.Errorf("limits of %s: %+v, want %+v", name, got, want)
		}
	}
	tok, err := command.AddLimited("store-17", limitsOf(1000, 0))
	check(t, err)
	want("store-17", quota.Limits{})
	known(t, server, tok, true) // a log-in finds what holds for it
	want("store-17", quota.Limits{BytesPerDay: 1000})

	rate := 2.5
	version := server.LimitsVersion()
	now, err := command.SetLimits("store-17", LimitsChange{Rate: &rate})
	if err != nil || now != (quota.Limits{BytesPerDay: 1000, Rate: 2.5}) {
		t.Errorf("the limits are %+v, %v", now, err)
	}
	check(t, server.Check())
	want("store-17", now)
	want("store-18", quota.Limits{})
	if server.LimitsVersion() == version {
		t.Error("the version is the same")
	}

	_, err = command.RemoveSender("store-17", false)
	check(t, err)
	copied := filepath.Join(t.TempDir(), "copy")
	check(t, command.CopyTo(copied))
	if got := open(t, copied).Limits("store-17"); got != now {
		t.Errorf("a copy has the limits %+v", got)
	}
	_, err = command.SetLimits("store-17", limitsOf(0, 0))
	check(t, err)
	if _, err := command.SetLimits("store-17", limitsOf(1, 1)); !errors.Is(err, ErrUnknownSender) {
		t.Errorf("a sender without tokens and limits: %v", err)
	}
	if all, err := server.AllLimits(); len(all) != 0 || err != nil {
		t.Errorf("there are limits %v, %v", all, err)
	}
}

// A third token is not made, and changes no limits either.
func TestLimitsOfATokenThatIsNone(t *testing.T) {
	s := open(t, t.TempDir())
	add(t, s, "store-17")
	add(t, s, "store-17")
	if _, err := s.AddLimited("store-17", limitsOf(1, 1)); !errors.Is(err, ErrTwoTokens) {
		t.Errorf("a third token: %v", err)
	}
	if got := s.Limits("store-17"); got != (quota.Limits{}) {
		t.Errorf("limits %+v", got)
	}
}

func TestParseLimits(t *testing.T) {
	good := `{"sender":"store-17","max_bytes_per_day":7,"max_rate":0.5}`
	limits, err := parseLimits([]byte("\n" + good + "\n"))
	if err != nil || len(limits) != 1 || limits["store-17"] != (quota.Limits{BytesPerDay: 7, Rate: 0.5}) {
		t.Errorf("%v, %v", limits, err)
	}
	for _, text := range []string{
		"[]", good + good, strings.Replace(good, ":7", ":-7", 1), strings.Replace(good, "0.5", "-1", 1),
		strings.Replace(good, "0.5", "1e300", 1), strings.Replace(good, "store-17", "a b", 1),
		strings.Replace(good, "max_rate", "rate", 1), good[1:],
	} {
		if _, err := parseLimits([]byte(text)); !errors.Is(err, ErrLimitsFile) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// What was in force stays so while the file cannot be read, and that is said.
func TestDamagedLimits(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	_, err := s.AddLimited("store-17", limitsOf(9, 0))
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, limitsFile), []byte("{"), 0o600))
	if err := s.Check(); !errors.Is(err, ErrLimitsFile) {
		t.Errorf("Check says %v", err)
	}
	if _, err := s.SetLimits("store-17", limitsOf(0, 0)); !errors.Is(err, ErrLimitsFile) {
		t.Errorf("SetLimits says %v", err)
	}
	if got := s.Limits("store-17"); got.BytesPerDay != 9 {
		t.Errorf("the limits are %+v", got)
	}
}

// The quotas' day is of the logbook that the state has now, and outlives a restart. What
// is damaged counts for nothing.
func TestQuotaDay(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	expect := func(s *State, want quota.Day) {
		t.Helper()
		if got, err := s.QuotaDay(); got != want || err != nil {
			t.Errorf("day %v, %v, want %v", got, err, want)
		}
	}
	day := quota.Day{Date: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC), First: 12345}
	expect(s, quota.Day{})
	check(t, s.SetQuotaDay(day))
	expect(s, day)
	expect(open(t, dir), day)
	copied := filepath.Join(t.TempDir(), "copy")
	check(t, s.CopyTo(copied))
	expect(open(t, copied), day)
	for _, text := range []string{"", "x", " 2026-11-27 -1\n", " 27.11.2026 1\n", " 2026-11-27\n"} {
		check(t, os.WriteFile(s.path(quotaDayFile), []byte(s.LogbookID()+text), 0o600))
		expect(s, quota.Day{})
	}
	check(t, s.SetQuotaDay(day))
	check(t, s.SetLogbookID(NewLogbookID()))
	expect(s, quota.Day{})
}
