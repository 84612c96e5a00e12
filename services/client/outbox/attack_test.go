package outbox

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sealpost/services/client/courier"
	"sealpost/services/client/outbox/box"
	"sealpost/shared/message"
)

const privateText = "the key of this machine"

// attack is a shared outbox of a client that runs as root, with a private
// directory of root's, and another user who may write into the outbox.
type attack struct {
	bench
	private string // mode 0700
}

// newAttack makes the outbox with that mode; in the private directory lies what
// is given, by name.
func newAttack(t *testing.T, mode fs.FileMode, files ...string) attack {
	t.Helper()
	b := newShared(t)
	if err := os.Chmod(b.dir, mode); err != nil {
		t.Fatal(err)
	}
	a := attack{b, filepath.Join(filepath.Dir(b.dir), "private")}
	if err := os.Mkdir(a.private, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if err := os.WriteFile(filepath.Join(a.private, name), []byte(privateText), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// byNeighbour runs a shell script in the outbox as the other user; PRIVATE is the
// private directory.
func (a attack) byNeighbour(script string) {
	a.Helper()
	cmd := exec.Command("/bin/sh", "-ec", script)
	cmd.Dir, cmd.Env = a.dir, append(os.Environ(), "PRIVATE="+a.private)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUser, Gid: otherUser}}
	if out, err := cmd.CombinedOutput(); err != nil {
		a.Fatalf("%s: %v: %s", script, err, out)
	}
}

// afterScan runs a client once. Between its look at the outbox and the first step
// that it takes there the neighbour comes.
func (a attack) afterScan(script string) error {
	a.Helper()
	cfg := a.config()
	done := false
	cfg.Logbook = func(context.Context) (string, error) {
		if !done {
			done = true
			a.byNeighbour(script)
		}
		return testLogbook, nil
	}
	_, err := Run(a.Context(), cfg)
	return err
}

// unharmed: nothing private was sent or laid where others read it, nothing was
// written beside it, and all of it is there.
func (a attack) unharmed(files ...string) {
	a.Helper()
	for _, row := range a.ledger.rows(a.T) {
		if strings.Contains(row, privateText) {
			a.Errorf("sent: %q", row)
		}
	}
	var found []string
	entries, err := os.ReadDir(a.private)
	if err != nil {
		a.Fatal(err)
	}
	for _, e := range entries {
		found = append(found, e.Name())
	}
	if got, want := strings.Join(found, " "), strings.Join(files, " "); got != want {
		a.Errorf("the private directory holds %q, want %q", got, want)
	}
	for _, name := range files {
		if got := readFile(a.T, filepath.Join(a.private, name)); got != privateText {
			a.Errorf("%s holds %q", name, got)
		}
	}
}

var sharedModes = map[string]fs.FileMode{"0777": 0o777, "1777": 0o777 | fs.ModeSticky}

// privates are what lies in a private directory: a file, and dot files alone.
var privates = map[string][]string{"a file": {"key"}, "dot files": {".bashrc", ".netrc"}}

// everyAttack tries each mode of the outbox with each private directory.
func everyAttack(t *testing.T, try func(a attack), modes ...string) {
	for _, mode := range modes {
		for what, files := range privates {
			t.Run(mode+" "+what, func(t *testing.T) {
				a := newAttack(t, sharedModes[mode], files...)
				try(a)
				a.unharmed(files...)
			})
		}
	}
}

// A neighbour who was there first owns .sending, and exchanges a group in it.
func TestNeighbourExchangesAGroupOfHis(t *testing.T) {
	everyAttack(t, func(a attack) {
		id := message.NewID().String()
		a.byNeighbour("mkdir .sending sent refused; mkdir -p .sending/" + id + "/files; echo bait >.sending/" + id +
			"/files/bait; chmod 777 .sending sent refused")
		err := a.afterScan("rm -r .sending/" + id + "; ln -s \"$PRIVATE\" .sending/" + id)
		var broken *DirError
		if !errors.As(err, &broken) || !strings.Contains(broken.Rule, "must belong to the user") {
			a.Errorf("error %v", err)
		}
	}, "0777", "1777")
}

// .sending is ours, and stands open: a neighbour exchanges a group in it, which
// the client has seen.
func TestNeighbourExchangesAGroupOfOurs(t *testing.T) {
	for name, script := range map[string]string{
		"the group":     "cd .sending; mv $GROUP away; ln -s \"$PRIVATE\" $GROUP",
		"its directory": "cd .sending; mv $GROUP away; mkdir $GROUP; ln -s \"$PRIVATE\" $GROUP/files",
	} {
		t.Run(name, func(t *testing.T) {
			everyAttack(t, func(a attack) {
				a.abandon("message", "m", nil)
				group := filepath.Base(a.group())
				if err := os.Chmod(filepath.Join(a.dir, box.Sending), 0o777); err != nil {
					a.Fatal(err)
				}
				if err := a.afterScan("GROUP=" + group + "; " + script); err != nil {
					a.Error(err)
				}
			}, "0777")
		})
	}
}

// .sending is ours, in an outbox where everybody can rename it. The client works
// on in the one that it has opened, until it finds that it is another one.
func TestNeighbourExchangesSending(t *testing.T) {
	everyAttack(t, func(a attack) {
		a.abandon("message", "m", nil)
		group := filepath.Base(a.group())
		if _, err := AcceptLogbook(a.dir, testLogbook); err != nil {
			a.Fatal(err)
		}
		a.byNeighbour("mkdir .trap; ln -s \"$PRIVATE\" .trap/" + group)
		err := a.afterScan("mv .sending .away; ln -s .trap .sending")
		if !errors.As(err, new(*DirError)) {
			a.Errorf("error %v", err)
		}
	}, "0777")
}

// The same while the message is in our hands: at each step from the claim on.
func TestNeighbourExchangesSendingAtEachStep(t *testing.T) {
	for _, at := range steps[3:8] {
		t.Run(at, func(t *testing.T) {
			a := newAttack(t, 0o777, "key")
			a.put(map[string]string{"message": "m"})
			cfg := a.config()
			cfg.poll = time.Hour // or a look between two commands makes .sending again
			step := func(name string) {
				if name != at {
					return
				}
				id := a.all(box.Sending)
				a.byNeighbour("mkdir .trap; mv .sending .away; ln -s .trap .sending; ln -s \"$PRIVATE\" .trap/" + id[len(id)-1])
			}
			cfg.step = step
			cfg.Deliver = ledger{dir: a.ledger.dir, step: step}.deliver
			if _, err := Run(t.Context(), cfg); !errors.As(err, new(*DirError)) {
				t.Errorf("error %v", err)
			}
			a.unharmed("key")
		})
	}
}

// What lies in a group of ours may be exchanged where the group stands open.
func TestNeighbourExchangesFilesInAGroup(t *testing.T) {
	for name, script := range map[string]string{
		"message":    "rm files/message; ln -s \"$PRIVATE/key\" files/message",
		"records":    "rm .records.jsonl; ln -s \"$PRIVATE/key\" .records.jsonl",
		"no records": "rm .records.jsonl files/message; ln -s \"$PRIVATE/key\" files/message",
		"lock":       "ln -s \"$PRIVATE/lock\" .lock",
		"messages":   "mv files away; ln -s \"$PRIVATE\" files",
		"others":     "mv files away; mkdir files; echo x >files/other",
	} {
		t.Run(name, func(t *testing.T) {
			a := newAttack(t, 0o777, "key")
			a.abandon("message", "m", nil)
			dir := a.group()
			for _, path := range []string{dir, filepath.Join(dir, "files")} {
				if err := os.Chmod(path, 0o777); err != nil {
					t.Fatal(err)
				}
			}
			if err := a.afterScan("cd .sending/" + filepath.Base(dir) + "; " + script); err != nil {
				t.Error(err)
			}
			a.unharmed("key")
			for _, row := range a.ledger.rows(t) {
				if strings.HasPrefix(row, "other") {
					t.Errorf("sent: %q", row)
				}
			}
		})
	}
}

// Nor is a lock taken that a third user made, who can hold it for ever, nor what he
// says of what was offered.
func TestForeignLockIsNotTaken(t *testing.T) {
	for _, name := range []string{".lock", ".records.jsonl"} {
		a := newAttack(t, 0o777)
		a.abandon("message", "m", nil)
		dir := a.group()
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		path := ".sending/" + filepath.Base(dir) + "/" + name
		a.byNeighbour("rm -f " + path + "; : >" + path)
		if out := a.run(a.config()); len(out.Left) != 1 || !errors.Is(out.Left[0].Err, box.ErrForeign) {
			t.Errorf("%s: outcome %+v", name, out)
		}
	}
}

// A group that was exchanged in our hands changes nothing: what we work on is open.
func TestNeighbourExchangesAGroupInHand(t *testing.T) {
	a := newAttack(t, 0o777)
	a.put(map[string]string{"message": "m"})
	if err := os.Chmod(a.mkdir(box.Sending), 0o777); err != nil {
		t.Fatal(err)
	}
	cfg := a.config()
	cfg.step = func(name string) {
		if name == "receipted" {
			a.byNeighbour("cd .sending; for id in *; do mv $id away; mkdir -p $id/files; echo x >$id/files/other; done")
		}
	}
	out := a.run(cfg)
	if out.Sent != 1 || len(out.Left) != 1 || !errors.Is(out.Left[0].Err, box.ErrForeign) || len(a.sent()) != 1 {
		t.Errorf("outcome %+v, sent %v", out, a.sent())
	}
	a.accepted(map[string]string{"message": "m"}, message.None)
}

// Who takes what was sent out of sent may do so as soon as it is there.
func TestTakenAwayAtOnce(t *testing.T) {
	a := newAttack(t, 0o755)
	a.put(map[string]string{"message": "m"})
	cfg := a.config()
	cfg.step = func(name string) {
		if name == "moved" {
			if err := os.Rename(filepath.Join(a.dir, box.Sent), filepath.Join(filepath.Dir(a.dir), "taken")); err != nil {
				t.Error(err)
			}
		}
	}
	if out := a.run(cfg); out.Sent != 1 {
		t.Errorf("outcome %+v", out)
	}
}

// A message whose file somebody takes while it is sent has ended, and others go.
func TestTakenAwayBeforeItsEnd(t *testing.T) {
	b := newBench(t)
	b.put(map[string]string{"message": "m", "other": "o"})
	cfg := b.config()
	cfg.Deliver = func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		if m.Name == "message" {
			if err := os.Remove(filepath.Join(b.group(), "files", m.Name)); err != nil {
				t.Error(err)
			}
		}
		return b.ledger.deliver(ctx, m)
	}
	if out := b.run(cfg); out.Sent != 2 || len(out.Left) > 0 {
		t.Errorf("outcome %+v", out)
	}
	b.empty(box.Sending)
	b.accepted(map[string]string{"message": "m", "other": "o"}, message.None)
}

// A group that a third user made is left to him, and named.
func TestForeignGroupIsLeft(t *testing.T) {
	a := newAttack(t, 0o777, "key")
	a.put(map[string]string{"ours": "o"})
	if err := os.Chmod(a.mkdir(box.Sending), 0o777); err != nil {
		t.Fatal(err)
	}
	id := message.NewID()
	a.byNeighbour("mkdir -p .sending/" + id.String() + "/files; echo x >.sending/" + id.String() + "/files/other")
	out := a.run(a.config())
	if len(out.Left) != 1 || out.Left[0].ID != id || !errors.Is(out.Left[0].Err, box.ErrForeign) || out.Sent != 1 {
		t.Errorf("outcome %+v", out)
	}
	a.accepted(map[string]string{"ours": "o"}, message.None)
}

// A neighbour who was there first does not say which logbook is ours.
func TestForeignLogbookIsRefused(t *testing.T) {
	a := newAttack(t, 0o777|fs.ModeSticky)
	a.put(map[string]string{"message": "m"})
	a.byNeighbour("echo " + otherLogbook + " >.logbook")
	var broken *DirError
	if _, err := Run(t.Context(), a.config()); !errors.As(err, &broken) ||
		broken.Path != filepath.Join(a.dir, ".logbook") {
		t.Errorf("error %v", err)
	}
}

// A file that has another name elsewhere may be one that its putter cannot read:
// root links it here, as a system does for everybody that does not protect hard
// links (fs.protected_hardlinks=0).
func TestPlantedHardLinkIsNotSent(t *testing.T) {
	a := newAttack(t, 0o777, "key")
	if err := os.Link(filepath.Join(a.private, "key"), filepath.Join(a.dir, "message")); err != nil {
		t.Fatal(err)
	}
	a.put(map[string]string{"ours": "o"})
	out := a.run(a.config())
	if len(out.Left) != 1 || !errors.Is(out.Left[0].Err, box.ErrPlanted) || out.Sent != 1 {
		t.Errorf("outcome %+v", out)
	}
	a.unharmed("key")
	if got := readFile(t, filepath.Join(a.dir, "message")); got != privateText {
		t.Errorf("it holds %q", got)
	}
}

// So it is when it comes between the look at the file and the claim.
func TestHardLinkPlantedLateIsRefused(t *testing.T) {
	a := newAttack(t, 0o777, "key")
	a.put(map[string]string{"message": "m"})
	cfg := a.config()
	cfg.step = func(name string) {
		if name == "shown" {
			path := filepath.Join(a.dir, "message")
			if err := errors.Join(os.Remove(path), os.Link(filepath.Join(a.private, "key"), path)); err != nil {
				t.Error(err)
			}
		}
	}
	out := a.run(cfg)
	if reason := a.refused("message", privateText); out.Refused != 1 || !strings.Contains(reason, "hard link") {
		t.Errorf("outcome %+v, reason %q", out, reason)
	}
	a.unharmed("key")
}

// Whoever has an outbox of his own puts files in as he likes.
func TestHardLinkInOnesOwnOutbox(t *testing.T) {
	for name, give := range map[string]bool{"ours": false, "of its owner, for root": true} {
		t.Run(name, func(t *testing.T) {
			b := newShared(t)
			if err := os.Chmod(b.dir, 0o755); err != nil {
				t.Fatal(err)
			}
			b.put(map[string]string{"message": "m"})
			if err := os.Link(filepath.Join(b.dir, "message"), filepath.Join(b.dir, ".other")); err != nil {
				t.Fatal(err)
			}
			if give {
				b.giveAll(b.dir)
			}
			if out := b.run(b.config()); out.Sent != 1 {
				t.Errorf("outcome %+v", out)
			}
			b.accepted(map[string]string{"message": "m"}, message.None)
		})
	}
}

// One whose outbox the client serves as root links a file of root's there.
func TestHardLinkOfTheOutboxOwner(t *testing.T) {
	a := newAttack(t, 0o755, "key")
	a.giveAll(a.dir)
	if err := os.Link(filepath.Join(a.private, "key"), filepath.Join(a.dir, "message")); err != nil {
		t.Fatal(err)
	}
	if out := a.run(a.config()); len(out.Left) != 1 || !errors.Is(out.Left[0].Err, box.ErrPlanted) {
		t.Errorf("outcome %+v", out)
	}
	a.unharmed("key")
}

// Another directory at the outbox's path is not taken for it.
func TestOutboxIsReplaced(t *testing.T) {
	a := newAttack(t, 0o777, "key")
	a.put(map[string]string{"message": "m"})
	cfg := a.config()
	cfg.Logbook = func(context.Context) (string, error) {
		return testLogbook, errors.Join(os.Rename(a.dir, a.dir+".away"), os.Symlink(a.private, a.dir))
	}
	_, err := Run(t.Context(), cfg)
	var broken *DirError
	if !errors.As(err, &broken) || broken.Path != a.dir {
		t.Errorf("error %v", err)
	}
	a.unharmed("key")
}

// Nothing but our own files goes with a group in which no message is.
func TestClearingRemovesOnlyOurs(t *testing.T) {
	for _, where := range []string{"", "files"} {
		b := newBench(t)
		b.abandon("message", "m", nil)
		dir := b.group()
		path := filepath.Join(dir, where, ".netrc")
		if err := os.Rename(filepath.Join(dir, "files", "message"), path); err != nil {
			t.Fatal(err)
		}
		if out := b.run(b.config()); len(out.Left) != 1 || !errors.As(out.Left[0].Err, new(*RecordError)) {
			t.Errorf("outcome %+v", out)
		}
		if got := readFile(t, path); got != "m" {
			t.Errorf("it holds %q", got)
		}
	}
}
