package stream

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
)

// outcomes collects those of entries.
type outcomes chan error

func newOutcomes() outcomes { return make(outcomes, 10) }

func (o outcomes) add(_ uint64, err error) { o <- err }

// are compares the outcomes, in order; nil is an acknowledgement.
func (o outcomes) are(t *testing.T, want ...error) {
	t.Helper()
	if len(o) != len(want) {
		t.Errorf("%d outcomes, want %d", len(o), len(want))
		return
	}
	for _, w := range want {
		if got := <-o; !errors.Is(got, w) {
			t.Errorf("the outcome %v, want %v", got, w)
		}
	}
}

func TestAcksEndOnce(t *testing.T) {
	a := newAcks(2, time.Hour)
	got := newOutcomes()
	id, err := a.expect(got.add)
	if err != nil {
		t.Fatal(err)
	}
	a.end(id, 7, nil)
	a.end(id, 8, nil)
	a.disconnected()
	a.close()
	a.close()
	got.are(t, nil)
	if a.forget(id) {
		t.Error("it has no outcome")
	}
	if _, err := a.expect(got.add); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestAcksLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAcks(1, time.Second)
		got := newOutcomes()
		for range 3 { // the second waits for the end of the first
			if _, err := a.expect(got.add); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		got.are(t, ErrUnknown, ErrUnacknowledged, ErrUnacknowledged)
	})
}

func TestAcksDisconnected(t *testing.T) {
	a := newAcks(4, time.Hour)
	got := newOutcomes()
	for range 3 {
		if _, err := a.expect(got.add); err != nil {
			t.Fatal(err)
		}
	}
	a.disconnected()
	got.are(t, ErrUnknown, errDisconnected, errDisconnected)
	if len(a.room) != 0 {
		t.Errorf("%d still wait", len(a.room))
	}
	if _, err := a.expect(got.add); err != nil { // as long as it is open there may be a connection again
		t.Error(err)
	}
}

func TestAcksCloseEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAcks(1, time.Hour)
		got := newOutcomes()
		if _, err := a.expect(got.add); err != nil {
			t.Fatal(err)
		}
		waits := make(chan error)
		go func() {
			_, err := a.expect(got.add)
			waits <- err
		}()
		synctest.Wait()
		a.close()
		if err := <-waits; !errors.Is(err, ErrClosed) {
			t.Errorf("the one that waited for room: %v", err)
		}
		got.are(t, ErrUnknown)
	})
}

func TestParseAck(t *testing.T) {
	refusal := func(code int, text string) string {
		return fmt.Sprintf(`{"error":{"code":503,"err_code":%d,"description":%q},"stream":"S","seq":0}`, code, text)
	}
	for _, test := range []struct {
		name, data string
		header     nats.Header
		position   uint64
		want       error
	}{
		{"kept", `{"stream":"S","seq":7}`, nil, 7, nil},
		{"kept, of a domain", `{"stream":"S","domain":"d","seq":7}`, nil, 7, nil},
		{"a repeat by its Nats-Msg-Id", `{"stream":"S","seq":7,"duplicate":true}`, nil, 0, ErrUnknown},
		{"another stream", `{"stream":"T","seq":7}`, nil, 0, ErrUnknown},
		{"no position", `{"stream":"S"}`, nil, 0, ErrUnknown},
		{"nobody there", ``, nats.Header{"Status": {"503"}}, 0, ErrUnknown},
		{"nothing", ``, nil, 0, ErrUnknown},
		{"cut off", `{"stream":"S","seq":7`, nil, 0, ErrUnknown},
		{"stream full", refusal(10077, "maximum bytes exceeded"), nil, 0, ErrFull},
		{"account full", refusal(10002, "resource limits exceeded for account"), nil, 0, ErrFull},
		{"node full", refusal(10023, "insufficient resources"), nil, 0, ErrFull},
		{"not written", refusal(10077, "input/output error"), nil, 0, ErrUnknown},
		{"no leader", refusal(10008, "JetStream system temporarily unavailable"), nil, 0, ErrUnknown},
	} {
		m := &nats.Msg{Data: []byte(test.data), Header: test.header}
		position, err := parseAck(m, "S")
		if position != test.position || !errors.Is(err, test.want) {
			t.Errorf("%s: %d %v", test.name, position, err)
		}
	}
}
