package daemon_test

import (
	"strings"
	"testing"

	"sealpost/services/server/logbook/local"
)

// lacks returns which lines the metrics have not.
func (l *live) lacks(lines ...string) (missing []string) {
	l.t.Helper()
	metrics := "\n" + l.get("/metrics")
	for _, line := range lines {
		if !strings.Contains(metrics, "\n"+line+"\n") {
			missing = append(missing, line)
		}
	}
	return missing
}

func (l *live) counts(when string, lines ...string) {
	l.t.Helper()
	if missing := l.lacks(lines...); missing != nil {
		l.t.Errorf("%s: the metrics lack %q:\n%s", when, missing, l.get("/metrics"))
	}
}

// TestMetricsOfSenders: a sender is named from the start, or soon after it is added, and no more
// once it is removed. A stranger is counted, and not named.
func TestMetricsOfSenders(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	l.ready()
	l.counts("at the start", `sealpost_sender_messages_total{sender="store-17"} 0`, "sealpost_login_failures_total 0",
		`sealpost_sender_messages_total{sender="(others)"} 0`, `sealpost_refusals_total{code="no space"} 0`,
		`sealpost_sender_last_message_timestamp_seconds{sender="store-17"} 0`)
	l.deliver(l.courier(l.command.Identity()), text("one"))
	l.hello("stranger-99")
	l.counts("afterwards", `sealpost_sender_messages_total{sender="store-17"} 1`, "sealpost_login_failures_total 1",
		`sealpost_sender_message_bytes_total{sender="store-17"} 9`)
	if metrics := l.get("/metrics"); strings.Contains(metrics, "stranger") {
		t.Errorf("a stranger is named:\n%s", metrics)
	}
	_, err := l.command.AddSender("laptop")
	check(t, err)
	l.eventually("the new sender", func() bool {
		return l.lacks(`sealpost_sender_messages_total{sender="laptop"} 0`) == nil
	})
	_, err = l.command.RemoveSender("laptop", false)
	check(t, err)
	l.eventually("its end", func() bool { return !strings.Contains(l.get("/metrics"), "laptop") })
}

// TestMetricsOfTheLogbook: a server that stands by says so, and that alone; once it serves it says
// what the logbook has, and a message shows in each step.
func TestMetricsOfTheLogbook(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	lock, err := local.Lock(l.cfg.DataDir)
	check(t, err)
	l.start()
	l.counts("standing by", "sealpost_serving 0", `sealpost_messages_total{outcome="kept",wire="sealpost"} 0`,
		`sealpost_commit_step_seconds_count{step="files"} 0`)
	if metrics := l.get("/metrics"); strings.Contains(metrics, "sealpost_next_number") {
		t.Error("a server that stands by tells a next number")
	}
	check(t, lock.Close())
	l.ready()
	l.counts("serving", "sealpost_serving 1", "sealpost_next_number 0", "sealpost_oldest_message_timestamp_seconds 0")
	l.deliver(l.courier(l.command.Identity()), text("one"))
	l.counts("afterwards", "sealpost_next_number 1", `sealpost_commit_step_seconds_count{step="files"} 1`,
		`sealpost_commit_step_seconds_count{step="signature"} 1`, "sealpost_group_messages_sum 1",
		`sealpost_logbook_file_bytes{file="tree"} 32`, "sealpost_staged_bytes 0", "sealpost_commit_queue_messages 0")
	if missing := l.lacks("sealpost_oldest_message_timestamp_seconds 0",
		"sealpost_identity_created_timestamp_seconds 0"); len(missing) != 2 {
		t.Error("the message has no time, or the identity none")
	}
}
