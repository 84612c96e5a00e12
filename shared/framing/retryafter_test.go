package framing

import (
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		code   Code
		reason string
		after  time.Duration
		text   string
	}{
		{CodeOverQuota, "retry-after=3600; enough", time.Hour, "enough"},
		{CodeOverQuota, "retry-after=4294967295; a; b", 4294967295 * time.Second, "a; b"},
		{CodeOverQuota, "retry-after=1; ", time.Second, ""},
		{CodeOverQuota, "retry-after=0; now", 0, "now"},
		{CodeOverQuota, "retry-after=4294967296; x", 0, "retry-after=4294967296; x"},
		{CodeOverQuota, "retry-after=-1; x", 0, "retry-after=-1; x"},
		{CodeOverQuota, "retry-after=; x", 0, "retry-after=; x"},
		{CodeOverQuota, "retry-after=5", 0, "retry-after=5"},
		{CodeOverQuota, "enough", 0, "enough"},
		{CodeOverQuota, "", 0, ""},
		{CodeNoSpace, "retry-after=5; x", 0, "retry-after=5; x"},
	} {
		after, text := Refusal{Code: c.code, Reason: c.reason}.RetryAfter()
		if after != c.after || text != c.text {
			t.Errorf("%v %q is %v, %q, want %v, %q", c.code, c.reason, after, text, c.after, c.text)
		}
	}
}

func TestRetryReason(t *testing.T) {
	for after, want := range map[time.Duration]string{
		0: "retry-after=0; x", -time.Hour: "retry-after=0; x", 1: "retry-after=1; x", time.Second: "retry-after=1; x",
		time.Second + 1: "retry-after=2; x", 24 * time.Hour: "retry-after=86400; x",
	} {
		if got := RetryReason(after, "x"); got != want {
			t.Errorf("%v: %q, want %q", after, got, want)
		}
	}
}
