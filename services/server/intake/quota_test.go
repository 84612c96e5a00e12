package intake_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"sealpost/services/server/quota"
	"sealpost/services/server/state"
	"sealpost/shared/framing"
)

// calendar is a clock that a test sets.
type calendar struct {
	mu sync.Mutex
	at time.Time
}

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func (c *calendar) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *calendar) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// limit sets how many bytes the server's sender may send in a day.
func (s *server) limit(t testing.TB, bytes uint64) {
	t.Helper()
	_, err := s.state.SetLimits(s.token.Sender(), state.LimitsChange{BytesPerDay: &bytes})
	check(t, err)
}

// sized is a small message of so many bytes.
func sized(n int) parcel { return plain("a.txt", make([]byte, n)) }

// wantOver sends a message that is over its sender's quota, and returns for how long.
func (p *peer) wantOver(m parcel) time.Duration {
	p.t.Helper()
	ref := p.next
	p.write(p.whole(m))
	after, text := p.wantRefusal(ref, framing.CodeOverQuota).RetryAfter()
	if after == 0 || text == "" {
		p.t.Fatalf("over quota for %v, %q", after, text)
	}
	return after
}

// A sender may send so many bytes in a day, over restarts; a repeat and a message that
// is refused count nothing, and a message that can never fit is refused for good.
func TestQuotaOfADay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	day := &calendar{at: noon}
	first := sized(600)
	t.Run("first", func(t *testing.T) {
		s := start(t, options{dir: dir, now: day.now, alone: true})
		p := s.connect(t)
		s.limit(t, 1000) // while the connection is there
		p.deliver(first)
		p.write(p.whole(first))
		p.wantReceipt(1)
		if after := p.wantOver(sized(401)); after != 12*time.Hour {
			t.Errorf("to be tried again after %v, want at midnight", after)
		}
		s.wantRefused(t, framing.CodeOverQuota)
		p.write(p.whole(sized(1001)))
		if r := p.wantRefusal(3, framing.CodeTooLarge); !strings.Contains(r.Reason, "1000 in a day") {
			t.Errorf("the client hears %q", r.Reason)
		}
		p.deliver(sized(300)) // one that fits goes on
		s.wantFiles(t, 2)
	})
	t.Run("again", func(t *testing.T) {
		s := start(t, options{dir: dir, now: day.now, alone: true})
		p := s.connect(t)
		p.wantOver(sized(101))
		p.deliver(sized(100))
		p.wantOver(sized(1))
		p.write(p.whole(first)) // what is kept keeps its answer
		p.wantReceipt(3)
		day.set(noon.Add(12 * time.Hour))
		p.deliver(sized(1000))
		p.wantOver(sized(1))
		s.limit(t, 1001)
		p.deliver(sized(1))
		s.limit(t, 0)
		p.deliver(sized(5000))
		s.wantFiles(t, 6)
	})
}

// Messages on their way in count, so that connections of one sender do not overrun
// together; what ends otherwise than kept gives its bytes back.
func TestQuotaIsReserved(t *testing.T) {
	t.Parallel()
	day := &calendar{at: noon}
	s := start(t, options{now: day.now})
	large := sized(4 * framing.InitialWindow)
	s.limit(t, large.Size+100)
	p, other := s.connect(t), s.connect(t)
	p.write(p.offer(large))
	p.wantAccept(0)
	if after := other.wantOver(sized(101)); after > time.Minute {
		t.Errorf("to be tried again after %v, and the other message may be given up any time", after)
	}
	other.deliver(sized(100))
	p.write(framing.Append(nil, framing.TypeCancel, nil))
	p.wantRefusal(0, framing.CodeCancelled)
	other.deliver(sized(len(large.body)))
	other.wantOver(sized(1))
}

// A message that is offered again, on another connection, while the server still waits
// for the first, is reserved and counted once. Its part is no more than that.
func TestQuotaOfAResumedMessage(t *testing.T) {
	t.Parallel()
	day := &calendar{at: noon}
	s, m := keeping(t, options{now: day.now})
	s.limit(t, m.Size+10)
	hanging := s.connect(t)
	hanging.begin(m, 0, partStep+partStep/2)
	p := s.connect(t)
	p.write(appendData(p.offer(m), m.body[:framing.InitialWindow]))
	accept, err := framing.ParseAccept(p.want(framing.TypeAccept))
	check(t, err)
	p.write(appendData(nil, m.body[max(accept.Offset, framing.InitialWindow):]))
	p.write(framing.Append(nil, framing.TypeEnd, nil))
	_, e := p.wantReceipt(0)
	p.wantKept(m, e)
	p.deliver(sized(10))
	p.wantOver(sized(1))
}

// Two senders have a day each.
func TestQuotaIsOfOneSender(t *testing.T) {
	t.Parallel()
	day := &calendar{at: noon}
	s := start(t, options{now: day.now})
	s.limit(t, 10)
	p := s.connect(t)
	p.deliver(sized(10))
	p.wantOver(sized(1))
	var err error
	s.token, err = s.state.AddSender("store-18")
	check(t, err)
	s.connect(t).deliver(sized(1000))
}

// A sender that is far over its rate is refused, with the time until its turn.
func TestQuotaOfRate(t *testing.T) {
	t.Parallel()
	day := &calendar{at: noon}
	s := start(t, options{now: day.now, alone: true})
	rate := 0.01
	_, err := s.state.SetLimits("store-17", state.LimitsChange{Rate: &rate})
	check(t, err)
	p := s.connect(t)
	m := sized(5)
	p.deliver(m)
	if after := p.wantOver(sized(5)); after != 100*time.Second {
		t.Errorf("to be tried again after %v", after)
	}
	p.write(p.whole(m)) // a repeat needs no turn
	p.wantReceipt(2)
	day.set(noon.Add(100 * time.Second))
	p.deliver(sized(5))
	p.wantOver(sized(5))
	if got := s.state.Limits("store-17"); got != (quota.Limits{Rate: rate}) {
		t.Errorf("the limits are %+v", got)
	}
}
