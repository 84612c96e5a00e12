package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealpost/shared/crypto/receipt"
)

// restoring is one row of docs/BACKUP.md: what is put back or lost of the volumes of a
// server that has gone on since its copy was made.
type restoring struct {
	name     string
	do       func(s *server, old string) error
	red      string // part of the reason; "": the server is ready at once
	newState bool   // senders and identity are other ones
	all      bool   // all is to be sent again, and not what came after the copy alone
	renewed  int    // messages that have another receipt in the end
}

// empty removes what lies on a volume, and leaves the volume.
func empty(dir string) error { return errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)) }

var restorings = []restoring{
	{name: "log volume older", renewed: batch, red: "the manifest",
		do: func(s *server, old string) error { return restore(s.data, old) }},
	{name: "log volume older, restored as the page says", renewed: batch, red: "the log volume belongs to logbook",
		do: func(s *server, old string) error {
			return errors.Join(restore(s.data, old), os.Remove(filepath.Join(s.state, "logbook_id")))
		}},
	{name: "log volume lost", renewed: 2 * batch, all: true, red: "the manifest",
		do: func(s *server, _ string) error { return empty(s.data) }},
	{name: "state older",
		do: func(s *server, old string) error { return restore(s.state, old) }},
	{name: "state lost", renewed: 2 * batch, all: true, newState: true, red: "the log volume belongs to logbook",
		do: func(s *server, _ string) error { return empty(s.state) }},
	{name: "both older", renewed: batch, red: "the log volume belongs to logbook",
		do: func(s *server, old string) error {
			return errors.Join(restore(s.data, old), restore(s.state, old), os.Remove(filepath.Join(s.state, "logbook_id")))
		}},
	{name: "both older, logbook_id left in place at first", renewed: batch, red: "the log volume belongs to logbook",
		do: func(s *server, old string) error {
			if err := errors.Join(restore(s.data, old), restore(s.state, old)); err != nil {
				return err
			}
			s.start()
			s.await(ready) // nothing is said
			s.stop()
			return os.Remove(filepath.Join(s.state, "logbook_id"))
		}},
	{name: "both lost", renewed: 2 * batch, all: true, newState: true,
		do: func(s *server, _ string) error { return errors.Join(empty(s.data), empty(s.state)) }},
}

// newLogbook reports whether outboxes must be told of another logbook.
func (r restoring) newLogbook() bool { return r.red != "" || r.newState }

// TestRestored: whatever is restored, what was lost comes again from the outbox, under
// its old ids, and nothing is there twice.
func TestRestored(t *testing.T) {
	t.Parallel()
	for _, r := range restorings {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			b := boxIn(t.TempDir(), s, s.listen)
			old, since := b.twoDays(s)
			if err := r.do(s, old); err != nil {
				t.Fatal(err)
			}
			if r.all {
				since = time.Unix(0, 0)
			}
			s.restart(r, b)
			b.sendAgain(r, since)
			s.holds(2 * batch)
		})
	}
}

// twoDays sends files, copies the volumes beside the server, and sends more.
func (b *box) twoDays(s *server) (old string, since time.Time) {
	b.t.Helper()
	old = filepath.Join(b.t.TempDir(), "copy")
	s.start()
	s.await(ready)
	for day := range 2 {
		if day == 1 {
			since = time.Now()
			if out, complaint, status := s.command("copy", old); status != 0 {
				b.t.Fatalf("copy ends with %d:\n%s%s", status, out, complaint)
			}
		}
		for n := range batch {
			name := fmt.Sprintf("message %d of day %d", n, day)
			if err := os.WriteFile(filepath.Join(b.dir, name), []byte(name), 0o644); err != nil {
				b.t.Fatal(err)
			}
		}
		b.says(0, "")
	}
	s.stop()
	return old, since
}

// says runs a client to its end, and returns what it printed.
func (b *box) says(status int, want string, options ...string) (out string) {
	b.t.Helper()
	text, err := b.client(patient(b.t), options...).CombinedOutput()
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got, err = exit.ExitCode(), nil
	}
	if err != nil || got != status || !strings.Contains(string(text), want) {
		b.t.Fatalf("client %q ends with %d, %v, and not with %d and %q:\n%s", options, got, err, status, want, text)
	}
	return string(text)
}

// restart starts the server on volumes that were restored, after accepting them where
// it is red.
func (s *server) restart(r restoring, b *box) {
	s.t.Helper()
	if r.red != "" {
		s.acceptRed(r.red)
	}
	if r.newState {
		b.from = s.addSender(b.from.name)
		b.env = append(b.env, b.from.env...)
	}
	s.start()
	s.await(ready)
}

// acceptRed starts the server, which must be red for a reason, and accepts the volumes.
func (s *server) acceptRed(because string) {
	s.t.Helper()
	s.start()
	status, reason := s.answers()
	if status != red || !strings.Contains(reason, because) {
		s.t.Fatalf("%d %s", status, reason)
	}
	s.saysWhatGoesOn(reason)
	s.stop()
	if out, complaint, status := s.command("logbook", "accept", "-yes"); status != 0 {
		s.t.Fatalf("logbook accept ends with %d:\n%s%s", status, out, complaint)
	}
}

// sendAgain is what the sender's side does about a server that was restored.
func (b *box) sendAgain(r restoring, since time.Time) {
	b.t.Helper()
	resend := []string{"-resend-since", since.UTC().Format(time.RFC3339Nano)}
	if r.newLogbook() {
		b.says(3, "-accept-logbook", resend...)
		b.says(0, "", "-accept-logbook")
	}
	for range 2 { // the second time changes nothing
		b.says(0, "", resend...)
		aside, err := filepath.Glob(filepath.Join(b.dir, "sent", "*", "*"+receipt.FileSuffix+".superseded-*"))
		if err != nil || len(aside) != r.renewed {
			b.t.Errorf("%d receipts are set aside, want %d: %v", len(aside), r.renewed, err)
		}
	}
}

// holds: so many messages, each with its log file.
func (s *server) holds(messages int) {
	s.t.Helper()
	out, complaint, status := s.command("verify")
	if want := fmt.Sprintf("%d messages checked, 0 differ\n", messages); status != 0 || out != want {
		s.t.Errorf("verify ends with %d:\n%s%s", status, out, complaint)
	}
}

// TestRestoredWithoutRoom: a copy that is put back as docs/BACKUP.md says, until the disk
// is full, passes for nothing that is whole; with room it is finished by the same steps.
func TestRestoredWithoutRoom(t *testing.T) {
	t.Parallel()
	d := newDisk(t, "ext4", "96M", "")
	s := newServer(t)
	old, _ := boxIn(t.TempDir(), s, s.listen).twoDays(s)
	to := serverOn(t, filepath.Join(d.dir, "data"), filepath.Join(t.TempDir(), "state"), forDisk)
	if err := errors.Join(restore(to.state, old), os.Remove(filepath.Join(to.state, "logbook_id"))); err != nil {
		t.Fatal(err)
	}
	d.fill("filler")
	if err := copyTree(old+"/data/.", to.data); err == nil {
		t.Fatal("the disk is not full")
	}
	d.empty("filler") // else that would be the reason
	to.start()
	if status, reason := to.answers(); status != red {
		t.Errorf("on half of a copy: %d %s", status, reason)
	}
	to.stop()
	checked := fmt.Sprintf("%d messages checked, 0 differ\n", batch)
	if out, complaint, status := to.command("verify"); status != 1 || out == checked {
		t.Errorf("half of a copy is verified with %d:\n%s%s", status, out, complaint)
	}
	if err := errors.Join(empty(to.data), copyTree(old+"/data/.", to.data)); err != nil {
		t.Fatal(err)
	}
	if out, complaint, status := to.command("verify"); status != 1 || out != checked {
		t.Errorf("the whole copy is verified with %d:\n%s%s", status, out, complaint)
	}
	to.restart(restoring{red: "volumes do not fit"}, nil)
	to.holds(batch)
	to.stop()
}
