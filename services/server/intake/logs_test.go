package intake_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sealpost/shared/framing"
)

// logs keeps what a server logs, and lets a test wait for a line.
type logs struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced with every line
}

func newLogs() *logs { return &logs{more: make(chan struct{})} }

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p))
	close(l.more)
	l.more = make(chan struct{})
	return len(p), nil
}

func (l *logs) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "")
}

func (l *logs) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines[max(0, len(l.lines)-10):], "")
}

// count returns how many lines have these fields.
func (l *logs) count(want fields) int {
	n, _, _ := l.countFrom(0, want)
	return n
}

// countFrom counts from a line on. It returns where the next count goes on, and
// a channel that is closed when there is more to count.
func (l *logs) countFrom(from int, want fields) (n, next int, more <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines[from:] {
		if want.in(line) {
			n++
		}
	}
	return n, len(l.lines), l.more
}

// fields are what a log line must hold: names and texts.
type fields map[string]string

func (f fields) in(line string) bool {
	var got map[string]any
	if json.Unmarshal([]byte(line), &got) != nil {
		return false
	}
	for name, value := range f {
		if have, ok := got[name]; !ok || fmt.Sprint(have) != value {
			return false
		}
	}
	return true
}

// wait waits until n lines have these fields.
func (l *logs) wait(t *testing.T, n int, want fields) {
	t.Helper()
	deadline := time.After(patience)
	for got, from := 0, 0; ; {
		found, next, more := l.countFrom(from, want)
		if got, from = got+found, next; got >= n {
			return
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("waited in vain for line %d with %v; the log ends\n%s", n, want, l.tail())
		}
	}
}

// wantClosed checks that the log and the counter tell of one connection that
// was closed for this reason.
func (s *server) wantClosed(t *testing.T, reason string) {
	t.Helper()
	s.logs.wait(t, 1, fields{"message": "connection closed", "reason": reason})
	s.wantMetric(t, "sealpost_connections_closed_total", reason, 1)
}

// wantRefused is wantClosed for a message.
func (s *server) wantRefused(t *testing.T, code framing.Code) {
	t.Helper()
	s.logs.wait(t, 1, fields{"message": "message refused", "code": code.String()})
	s.wantMetric(t, "sealpost_refusals_total", code.String(), 1)
}
