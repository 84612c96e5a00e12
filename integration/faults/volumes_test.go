package faults

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sealpost/integration/faults/ledger"
	"sealpost/services/client/courier"
	"sealpost/shared/crypto/receipt"
)

// batch is how many messages are sent on each of two days.
const batch = 5

// mishap is what an operator may do to the volumes of a server between two
// starts. old is a copy of both, of the end of the first day.
type mishap struct {
	name  string
	do    func(s *server, old string) error
	kept  int  // messages that the log volume still holds
	token bool // the senders are gone with the state
}

var mishaps = []mishap{
	{"log volume of an earlier day", func(s *server, old string) error { return restore(s.data, old) }, batch, false},
	{"log volume lost", func(s *server, _ string) error { return os.RemoveAll(s.data) }, 0, false},
	{"state volume lost", func(s *server, _ string) error { return os.RemoveAll(s.state) }, 2 * batch, true},
	{"state volume of another server", func(s *server, _ string) error {
		other := newServer(s.t)
		other.addSender("store-17")
		return errors.Join(os.RemoveAll(s.state), copyTree(other.state, s.state))
	}, 2 * batch, true},
}

// restore puts the copy of a directory in its place.
func restore(dir, old string) error {
	return errors.Join(os.RemoveAll(dir), copyTree(filepath.Join(old, filepath.Base(dir)), dir))
}

func copyTree(from, to string) error { return exec.Command("cp", "-a", from, to).Run() }

// TestVolumesOfDifferentDays starts a server on volumes that do not fit each
// other. It stays red and signs nothing until an operator accepts them; then it
// goes on under a new logbook id, and what the log volume holds keeps its facts.
func TestVolumesOfDifferentDays(t *testing.T) {
	t.Parallel()
	for _, m := range mishaps {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			f := newFleet(s, s.listen, 1, defaultStall)
			deliveries, old := twoDays(f, s)
			before := f.logbook(deliveries[0])
			if err := m.do(s, old); err != nil {
				t.Fatal(err)
			}
			f.afterMishap(s, m, deliveries[:m.kept])
			s.staysRed(f)
			if after := s.accept(m.kept); after == before {
				t.Errorf("the logbook is still %s", after)
			}
			s.start()
			s.await(ready)
			f.refusesOther(before)
			f.goOn(s)
			s.stop()
			results.report(t, "10 "+m.name, s.audit(f.ledger))
		})
	}
}

// twoDays sends two batches, in order, and copies the volumes between them.
func twoDays(f *fleet, s *server) (deliveries []courier.Delivery, old string) {
	s.t.Helper()
	old = s.t.TempDir()
	for day := range 2 {
		s.start()
		s.await(ready)
		for range batch {
			p := f.next()
			d, err := f.couriers[0].Deliver(patient(s.t), p.Message)
			if err != nil {
				s.t.Fatal(err)
			}
			f.ledger.Receipt(d.Entry)
			deliveries = append(deliveries, d)
		}
		s.refusesToAccept("stop the server")
		s.stop()
		s.refusesToAccept("nothing to accept")
		if day == 0 {
			if err := errors.Join(copyTree(s.data, old), copyTree(s.state, old)); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	return deliveries, old
}

// afterMishap starts a ledger of what the volume still holds: the rest was lost
// by the operator. Where the senders are gone they are made anew.
func (f *fleet) afterMishap(s *server, m mishap, kept []courier.Delivery) {
	f.t.Helper()
	f.ledger = ledger.New()
	if m.token {
		f.renew(s)
	}
	for _, p := range f.parcels {
		f.ledger.Offer(f.senders[p.from].known(p.Message))
	}
	for _, d := range kept {
		f.ledger.Receipt(d.Entry)
	}
}

// renew gives the senders tokens and pins of the state that is there now.
func (f *fleet) renew(s *server) {
	f.t.Helper()
	for i, old := range f.senders {
		f.senders[i] = s.addSender(old.name)
		c := f.senders[i].courier(s.listen, defaultStall)
		f.t.Cleanup(func() { _ = c.Close() })
		f.couriers[i] = c
	}
}

// refusesToAccept: the operator's word is not taken, and why.
func (s *server) refusesToAccept(why string) {
	s.t.Helper()
	if out, complaint, status := s.command("logbook", "accept", "-yes"); status != 1 || !strings.Contains(complaint, why) {
		s.t.Errorf("logbook accept ends with %d instead of saying %q:\n%s%s", status, why, out, complaint)
	}
}

// saysWhatGoesOn: every place has the same reason, and the command that goes on.
func (s *server) saysWhatGoesOn(reason string) {
	s.t.Helper()
	reason, hint, _ := strings.Cut(reason, "\n")
	if !strings.Contains(hint, "server logbook accept") {
		s.t.Errorf("/readyz: %q, %q", reason, hint)
	}
	for _, name := range []string{"healthcheck", "verify"} {
		out, complaint, status := s.command(name)
		if status != 1 || !strings.Contains(complaint, reason+"\n") || !strings.Contains(complaint, hint+"\n") {
			s.t.Errorf("%s ends with %d:\n%s%sinstead of\n%s\n%s", name, status, out, complaint, reason, hint)
		}
	}
	s.until(func(context.Context) (bool, string) {
		log, err := os.ReadFile(s.log.Name())
		return err == nil && bytes.Contains(log, []byte(`"hint":"`+strings.TrimPrefix(hint, "hint: "))), "no hint in the log"
	})
	s.refusesToAccept("stop the server")
}

// staysRed: red with a reason, also after another start, and no receipt for
// anything, be it new or kept before.
func (s *server) staysRed(f *fleet) {
	s.t.Helper()
	for range 2 {
		s.start()
		if status, reason := s.answers(); status != red || !strings.Contains(reason, "volume") {
			s.t.Fatalf("on volumes that do not fit: %d %s", status, reason)
		} else {
			s.saysWhatGoesOn(reason)
		}
		for _, p := range []parcel{f.parcels[0], f.next()} {
			s.signsNothing(f, p)
		}
		if status, reason := s.readyz(s.t.Context()); status != red {
			s.t.Errorf("not red any more: %d %s", status, reason)
		}
		s.stop()
	}
}

// signsNothing lets a courier try until the server has refused it a few times.
func (s *server) signsNothing(f *fleet, p parcel) {
	s.t.Helper()
	before := s.refusedNow()
	ctx, cancel := context.WithCancel(s.t.Context())
	result := make(chan error, 1)
	go func() { result <- f.deliver(ctx, p) }()
	s.refused(before + 2)
	cancel()
	if err := <-result; !errors.As(err, new(*courier.UnknownError)) {
		s.t.Errorf("volumes that do not fit, and the sender hears: %v", err)
	}
}

// accept is the operator's word. It returns the new id of the logbook.
func (s *server) accept(next int) string {
	s.t.Helper()
	if out, complaint, status := s.command("logbook", "accept"); status != 1 ||
		!strings.Contains(complaint, "not confirmed") {
		s.t.Errorf("asked without a terminal: %d\n%s%s", status, out, complaint)
	}
	out, complaint, status := s.command("logbook", "accept", "-yes")
	match := regexp.MustCompile(`logbook ([0-9a-f]{32}), next number (\d+)`).FindStringSubmatch(out)
	if status != 0 || match == nil {
		s.t.Fatalf("logbook accept ends with %d:\n%s%s", status, out, complaint)
	}
	if match[2] != strconv.Itoa(next) {
		s.t.Errorf("the next number is %s, want %d", match[2], next)
	}
	return match[1]
}

// refusesOther: a message that may go to the logbook of before alone is not
// offered to that of now.
func (f *fleet) refusesOther(before string) {
	f.t.Helper()
	p := f.parcels[0]
	p.Logbook = before
	err := f.deliver(patient(f.t), p)
	if !errors.As(err, new(*courier.LogbookError)) {
		f.t.Errorf("a message for the old logbook: %v", err)
	}
}

// goOn sends everything again, and some more: what was kept gets its facts, the
// rest the numbers behind, all under one new logbook.
func (f *fleet) goOn(s *server) {
	f.t.Helper()
	for range batch {
		f.mustDeliver(f.next())
	}
	f.sendAll()
	d, err := f.couriers[0].Deliver(patient(f.t), f.parcels[0].Message)
	if err != nil {
		f.t.Fatal(err)
	}
	id, _, _ := s.command("identity")
	if origin := receipt.Origin(f.logbook(d)); !strings.HasPrefix(id, origin+"+") {
		f.t.Errorf("the receipt is of %s, the server's identity is %s", origin, id)
	}
}

// logbook returns the id of the logbook that signed a receipt.
func (f *fleet) logbook(d courier.Delivery) string {
	f.t.Helper()
	opened, err := receipt.Open(d.Receipt, f.senders[0].pins)
	if err != nil {
		f.t.Fatal(err)
	}
	return strings.TrimPrefix(opened.Origin, receipt.Origin(""))
}

// TestOlderState: a state volume from before the last messages is not a mishap, as
// long as the log volume goes on from it.
func TestOlderState(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	f := newFleet(s, s.listen, 1, defaultStall)
	_, old := twoDays(f, s)
	if err := restore(s.state, old); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.await(ready)
	f.goOn(s)
	s.stop()
	results.report(t, "10 state volume of an earlier day", s.audit(f.ledger))
}

// TestFirstStartCutShort: a power cut after the very first start, before the
// first receipt, may take the logbook's id off the log volume while the state
// volume remembers that the logbook is empty.
func TestFirstStartCutShort(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.start()
	s.await(ready)
	s.until(func(context.Context) (bool, string) {
		_, err := os.Stat(filepath.Join(s.state, "checkpoint"))
		return err == nil, "the state does not remember the logbook"
	})
	s.kill()
	if err := os.Remove(filepath.Join(s.data, "staging", "logbook")); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.await(ready)
}
