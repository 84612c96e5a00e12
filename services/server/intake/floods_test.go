package intake_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"sealpost/services/server/intake"
	"sealpost/shared/crypto/token"
	"sealpost/shared/framing"
	"sealpost/shared/logging/floods"
	"sealpost/shared/logging/trail"
)

// enough is how many events an attack has: without a bound, as many lines.
const enough = 2000

// wantSummedUp checks that the log has so many lines of one kind, then one with
// the number of all others, and that nothing is missing.
func (s *server) wantSummedUp(t *testing.T, lines int, single, sum fields, events int) {
	t.Helper()
	s.sums.Flush()
	sum["count"] = num(events - floods.Shown)
	s.logs.wait(t, 1, sum)
	if n := s.logs.count(single); n != floods.Shown {
		t.Errorf("%d lines with %v instead of %d", n, single, floods.Shown)
	}
	text := s.logs.text()
	t.Logf("%d events: %d lines, %d bytes of log in all", events, strings.Count(text, "\n"), len(text))
	if n := strings.Count(text, "\n"); n > lines {
		t.Errorf("%d lines of log for %d events; it ends\n%s", n, events, s.logs.tail())
	}
}

// One connection whose messages are all refused for their names.
func TestRefusedNamesAreSummedUp(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	p := s.bystander
	p.inTurns(enough, func() []byte { return p.whole(plain("", []byte("x"))) },
		func(ref uint32) { p.wantRefusal(ref, framing.CodeBadOffer) })
	s.wantMetric(t, "sealpost_refusals_total", framing.CodeBadOffer.String(), enough)
	s.wantSummedUp(t, 20, fields{"message": "message refused"},
		fields{"kind": "message refused", "reason": framing.CodeBadOffer.String(), "sender": "store-17"}, enough)
}

// inTurns makes n offers, a hundred at a time, and hears each one's answer.
func (p *peer) inTurns(n int, offer func() []byte, hear func(ref uint32)) {
	p.t.Helper()
	const turn = 100
	for range n / turn {
		first := p.next
		var some []byte
		for range turn {
			some = append(some, offer()...)
		}
		p.write(some)
		for i := range uint32(turn) {
			hear(first + i)
		}
	}
}

// One message again and again has its line, and repeats have a sum; each message
// that is kept has its own.
func TestRepeatsAreSummedUp(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	p := s.bystander
	const kept = 100
	m := plain("a.txt", []byte("x"))
	p.deliver(m)
	for range kept - 1 {
		p.deliver(plain("b.txt", []byte("x")))
	}
	p.inTurns(enough, func() []byte { return p.whole(m) }, func(ref uint32) { p.wantReceipt(ref) })
	s.wantMetric(t, "sealpost_messages_total", "repeat sealpost", enough)
	s.wantMetric(t, "sealpost_messages_total", "kept sealpost", kept)
	if n := s.logs.count(fields{"message": "message received from store-17", "repeat": "false"}); n != kept {
		t.Errorf("%d lines of %d messages kept", n, kept)
	}
	s.wantSummedUp(t, kept+20, fields{"message": "message received from store-17", "repeat": "true"},
		fields{"kind": "message received", "reason": "repeat", "sender": "store-17"}, enough)
}

// Somebody without a token connects and leaves, in each way that the server
// takes for a fault.
func TestConnectAndLeaveIsSummedUp(t *testing.T) {
	t.Parallel()
	const some = 200
	for _, row := range []struct {
		name, reason string
		leave        func(t *testing.T, s *server)
	}{
		{"reset before TLS", "handshake failed", func(t *testing.T, s *server) {
			conn := s.dialRaw(t, s.addr, "")
			check(t, conn.SetLinger(0))
			check(t, conn.Close())
		}},
		{"no TLS", "handshake failed", func(t *testing.T, s *server) { s.speak(t, s.addr, "GET / HTTP/1.1\r\n\r\n") }},
		{"2012, no message", "bad ciphertext",
			func(t *testing.T, s *server) { s.speak(t, s.addr2012, strings.Repeat("?", 80)) }},
		{"2012, cut short", "connection lost", func(t *testing.T, s *server) { s.speak(t, s.addr2012, "?") }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{})
			for range some {
				row.leave(t, s)
			}
			s.await(t, "every end to be counted", func() bool {
				return s.metric(t, "sealpost_connections_closed_total", row.reason) == some
			})
			s.wantMetric(t, "sealpost_connections_closed_total", row.reason, some)
			s.wantSummedUp(t, 2*floods.Shown+10, fields{"message": "connection closed", "reason": row.reason},
				fields{"kind": "connection closed", "reason": row.reason, "address": "127.0.0.1"}, some)
		})
	}
}

// speak says something to the server and waits for the end of the connection.
func (s *server) speak(t *testing.T, addr, text string) {
	t.Helper()
	conn := s.dialRaw(t, addr, "")
	_, err := conn.Write([]byte(text))
	check(t, err)
	_ = conn.CloseWrite() // it may have ended it already
	_ = readEnd(conn)
	check(t, conn.Close())
}

// Failed log-ins, whose answers the end of the server lets go all at once.
func TestFailedLogInsAreSummedUp(t *testing.T) {
	t.Parallel()
	const some = 100
	answers := make(chan bool, some+1)
	s := start(t, options{senders: func(known intake.Senders) intake.Senders { return asked{known, answers} }})
	receive(t, answers, "the bystander's log-in")
	wrong, err := token.New("store-17")
	check(t, err)
	for range some {
		s.dial(t).write(framing.AppendHello(nil, wrong.Reveal()))
	}
	for range some {
		receive(t, answers, "a log-in")
	}
	s.shutdown(t)
	reason := framing.CodeUnauthenticated.String()
	s.await(t, "every end to be counted", func() bool {
		return s.metric(t, "sealpost_connections_closed_total", reason) == some
	})
	check(t, s.bystander.conn.Close())
	s.wantSummedUp(t, 20, fields{"message": "connection closed", "reason": reason, "audit": trail.LogInFailed.String(),
		"claimed": "store-17"},
		fields{"kind": "connection closed", "reason": reason, "address": "127.0.0.1"}, some)
}

// Who connects with a token and leaves, without a message, is one line of many.
func TestLogInsAreSummedUp(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	const some = 100
	for range some - 1 { // the bystander is one
		check(t, s.connect(t).conn.Close())
	}
	s.sums.Flush()
	s.logs.wait(t, 1, fields{"kind": "client connected", "address": "127.0.0.1", "count": num(some - floods.Shown)})
}

// await waits until something is so, and looks again and again.
func (s *server) await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s; the log ends\n%s", what, s.logs.tail())
		}
	}
}

func num(n int) string { return fmt.Sprint(n) }
