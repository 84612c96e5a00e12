package outbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/client/courier"
	"sealpost/services/client/outbox/box"
	"sealpost/shared/framing"
	"sealpost/shared/message"
)

func TestRefusalOfAMessage(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"large": "too large", "small": "fits"})
	cfg := b.config()
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		if m.Name == "large" {
			refusal := &courier.RefusalError{Code: framing.CodeTooLarge, Of: courier.OfMessage, Reason: "9 bytes\x1b"}
			return courier.Delivery{}, refusal
		}
		return b.ledger.deliver(ctx, m)
	}
	out := b.run(cfg)
	if out.Sent != 1 || out.Refused != 1 || len(out.Left) != 0 {
		t.Errorf("outcome %+v", out)
	}
	if reason := b.refused("large", "too large"); !strings.Contains(reason, `9 bytes\x1b`) ||
		!strings.Contains(reason, "too large") {
		t.Errorf("reason %q", reason)
	}
	b.accepted(map[string]string{"small": "fits"}, message.None)
}

func TestRefusalOfTheConnectionLeavesEverything(t *testing.T) {
	b := newBench(t)
	files := manyFiles(20)
	b.put(files)
	cfg := b.config()
	want := &courier.RefusalError{Code: framing.CodeUnauthenticated, Of: courier.OfConnection, Reason: "no"}
	cfg.Deliver = func(context.Context, courier.Message) (courier.Delivery, error) { return courier.Delivery{}, want }
	out, err := Run(t.Context(), cfg)
	if got := new(*courier.RefusalError); !errors.As(err, got) || *got != want {
		t.Errorf("error %v", err)
	}
	if out.Sent != 0 || out.Refused != 0 {
		t.Errorf("outcome %+v", out)
	}
	b.empty(box.Sent)
	b.empty(box.Refused)
	b.run(b.config())
	b.onlySent(files, message.None)
}

// A wrong server found before the first claim changes nothing at all.
func TestRefusalAtConnectClaimsNothing(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"message": "m"})
	cfg := b.config()
	cfg.Logbook = func(context.Context) (string, error) {
		return "", &courier.RefusalError{Of: courier.OfConnection, Reason: "not the pinned identity"}
	}
	if _, err := Run(t.Context(), cfg); !errors.As(err, new(*courier.RefusalError)) {
		t.Errorf("error %v", err)
	}
	b.empty(box.Sending)
	if got := readFile(t, filepath.Join(b.dir, "message")); got != "m" {
		t.Errorf("message %q", got)
	}
}

// What is told of a message that came to its end lies where it is told to.
func TestSettledIsTold(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"goes": "g", "does not": "r"})
	cfg := b.config()
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		if m.Name == "does not" {
			return courier.Delivery{}, &courier.RefusalError{Of: courier.OfMessage, Reason: "not this one", Code: 1}
		}
		return b.ledger.deliver(ctx, m)
	}
	results := make(chan Result, 3)
	cfg.Settled = func(r Result) { results <- r }
	b.run(cfg)
	close(results)
	told := make(map[string]Result)
	for r := range results {
		told[r.Name] = r
	}
	goes, refused := told["goes"], told["does not"]
	if len(told) != 2 || goes.Refused != "" || goes.Delivery.Entry.ID != goes.ID {
		t.Errorf("told %+v", told)
	}
	if text := readFile(t, goes.Receipt); text != string(goes.Delivery.Receipt) {
		t.Errorf("the receipt in %s is %q", goes.Receipt, text)
	}
	if !strings.Contains(refused.Refused, "not this one") || refused.ID == (message.ID{}) || refused.Receipt != "" {
		t.Errorf("told %+v", refused)
	}
}

// When the server is away, one client gives up after what is in flight, and the
// next sends all of it under the ids of the first attempt.
func TestUnknownStaysUnderItsID(t *testing.T) {
	b := newBench(t)
	files := manyFiles(100)
	b.put(files)
	cfg := b.config()
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		if _, err := b.ledger.deliver(ctx, m); err != nil { // it arrives, the receipt does not
			return courier.Delivery{}, err
		}
		return courier.Delivery{}, &courier.UnknownError{ID: m.ID, Cause: os.ErrDeadlineExceeded}
	}
	out := b.run(cfg)
	if n := len(out.Left); n == 0 {
		t.Error("none is left")
	}
	for _, left := range out.Left {
		if !errors.As(left.Err, new(*courier.UnknownError)) || left.Name == "" {
			t.Errorf("left %+v", left)
		}
	}
	b.run(b.config())
	b.onlySent(files, message.None)
}

// One message that does not come through does not keep the others back.
func TestUnknownOfOneMessage(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"0 stuck": "s", "1": "1"})
	cfg := b.config()
	stuck, other := make(chan struct{}), make(chan struct{})
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		if m.Name != "0 stuck" {
			<-stuck
			defer close(other)
			return b.ledger.deliver(ctx, m)
		}
		close(stuck)
		<-other
		return courier.Delivery{}, errors.New("an error of no known type")
	}
	out := b.run(cfg)
	if out.Sent != 1 || len(out.Left) != 1 || out.Left[0].Name != "0 stuck" {
		t.Errorf("outcome %+v", out)
	}
	if !errors.As(out.Left[0].Err, new(*courier.UnknownError)) {
		t.Errorf("left with %v", out.Left[0].Err)
	}
}
