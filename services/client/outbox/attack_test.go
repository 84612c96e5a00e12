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

// A neighbour who was there first owns .sending, and exchanges a claim in it.
func TestNeighbourExchangesAClaimOfHis(t *testing.T) {
	everyAttack(t, func(a attack) {
		id := message.NewID().String()
		a.byNeighbour("mkdir .sending sent refused; mkdir .sending/" + id + "; echo bait >.sending/" + id +
			"/bait; chmod 777 .sending sent refused")
		err := a.afterScan("rm -r .sending/" + id + "; ln -s \"$PRIVATE\" .sending/" + id)
		var broken *DirError
		if !errors.As(err, &broken) || broken.Rule != otherOwner {
			a.Errorf("error %v", err)
		}
	}, "0777", "1777")
}

// .sending is ours, and stands open: a neighbour exchanges a claim in it, which
// the client has seen.
func TestNeighbourExchangesAClaimOfOurs(t *testing.T) {
	everyAttack(t, func(a attack) {
		id := a.abandon("message", "m", nil)
		if err := os.Chmod(filepath.Join(a.dir, sendingDir), 0o777); err != nil {
			a.Fatal(err)
		}
		if err := a.afterScan("cd .sending; mv " + id.String() + " away; ln -s \"$PRIVATE\" " + id.String()); err != nil {
			a.Error(err)
		}
	}, "0777")
}

// .sending is ours, in an outbox where everybody can rename it. The client works
// on in the one that it has opened, until it finds that it is another one.
func TestNeighbourExchangesSending(t *testing.T) {
	everyAttack(t, func(a attack) {
		id := a.abandon("message", "m", nil).String()
		if _, err := AcceptLogbook(a.dir, testLogbook); err != nil {
			a.Fatal(err)
		}
		a.byNeighbour("mkdir .trap; ln -s \"$PRIVATE\" .trap/" + id)
		err := a.afterScan("mv .sending .away; ln -s .trap .sending")
		if !errors.As(err, new(*DirError)) {
			a.Errorf("error %v", err)
		}
	}, "0777")
}

// The same while the message is in our hands: at each step from the claim on.
func TestNeighbourExchangesSendingAtEachStep(t *testing.T) {
	for _, at := range steps[3:9] {
		t.Run(at, func(t *testing.T) {
			a := newAttack(t, 0o777, "key")
			a.put(map[string]string{"message": "m"})
			cfg := a.config()
			cfg.poll = time.Hour // or a look between two commands makes .sending again
			step := func(name string) {
				if name != at {
					return
				}
				id := a.all(sendingDir)
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

// What lies in a claim of ours may be exchanged where the claim stands open.
func TestNeighbourExchangesFilesInAClaim(t *testing.T) {
	for name, script := range map[string]string{
		"message":   "rm message; ln -s \"$PRIVATE/key\" message",
		"record":    "rm .record.json; ln -s \"$PRIVATE/key\" .record.json",
		"no record": "rm .record.json message; ln -s \"$PRIVATE/key\" message",
		"lock":      "ln -s \"$PRIVATE/lock\" .lock",
		"receipt":   "ln -s \"$PRIVATE/key\" message.tlog-proof",
	} {
		t.Run(name, func(t *testing.T) {
			a := newAttack(t, 0o777, "key")
			id := a.abandon("message", "m", nil).String()
			if err := os.Chmod(filepath.Join(a.dir, sendingDir, id), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := a.afterScan("cd .sending/" + id + "; " + script); err != nil {
				t.Error(err)
			}
			a.unharmed("key")
		})
	}
}

// Nor is a lock taken that a third user made, who can hold it for ever.
func TestForeignLockIsNotTaken(t *testing.T) {
	a := newAttack(t, 0o777)
	id := a.abandon("message", "m", nil).String()
	if err := os.Chmod(filepath.Join(a.dir, sendingDir, id), 0o777); err != nil {
		t.Fatal(err)
	}
	a.byNeighbour(": >.sending/" + id + "/.lock")
	if out := a.run(a.config()); len(out.Left) != 1 || !errors.Is(out.Left[0].Err, errForeign) {
		t.Errorf("outcome %+v", out)
	}
}

// A claim that was exchanged in our hands does not count as sent: its receipt is
// not where people look.
func TestNeighbourExchangesAClaimInHand(t *testing.T) {
	a := newAttack(t, 0o777)
	a.put(map[string]string{"message": "m"})
	if err := os.Chmod(a.mkdir(sendingDir), 0o777); err != nil {
		t.Fatal(err)
	}
	cfg := a.config()
	cfg.poll = time.Hour
	cfg.step = func(name string) {
		if name == "receipted" {
			a.byNeighbour("cd .sending; for id in *; do mv $id away; mkdir $id; done")
		}
	}
	out, err := Run(t.Context(), cfg)
	if out.Sent != 0 || !errors.Is(err, errExchanged) {
		t.Errorf("outcome %+v, error %v", out, err)
	}
}

// Who takes what was sent out of sent may do so as soon as it is there.
func TestTakenAwayAtOnce(t *testing.T) {
	a := newAttack(t, 0o755)
	a.put(map[string]string{"message": "m"})
	cfg := a.config()
	cfg.step = func(name string) {
		if name != "moved" {
			return
		}
		for _, id := range a.all(sentDir) {
			if err := os.Rename(filepath.Join(a.dir, sentDir, id), filepath.Join(filepath.Dir(a.dir), id)); err != nil {
				t.Error(err)
			}
		}
	}
	if out := a.run(cfg); out.Sent != 1 {
		t.Errorf("outcome %+v", out)
	}
}

// A claim that a third user made is left to him, and named.
func TestForeignClaimIsLeft(t *testing.T) {
	a := newAttack(t, 0o777, "key")
	a.put(map[string]string{"ours": "o"})
	id := a.abandon("message", "m", nil)
	a.giveAll(filepath.Join(a.dir, sendingDir, id.String()))
	cfg := a.config()
	c := count(&cfg, errForeign.Error())
	out := a.run(cfg)
	if len(out.Left) != 1 || !errors.Is(out.Left[0].Err, errForeign) || c.lines[errForeign.Error()] != 1 {
		t.Errorf("outcome %+v, named %d times", out, c.lines[errForeign.Error()])
	}
	a.accepted(map[string]string{"ours": "o"}, message.None)
	if got := a.all(sendingDir, id.String()); len(got) != 2 {
		t.Errorf("the claim holds %q", got)
	}
}

// A neighbour who was there first does not say which logbook is ours.
func TestForeignLogbookIsRefused(t *testing.T) {
	a := newAttack(t, 0o777|fs.ModeSticky)
	a.put(map[string]string{"message": "m"})
	a.byNeighbour("echo " + otherLogbook + " >.logbook")
	var broken *DirError
	if _, err := Run(t.Context(), a.config()); !errors.As(err, &broken) ||
		broken.Path != filepath.Join(a.dir, logbookName) {
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
	if len(out.Left) != 1 || !errors.Is(out.Left[0].Err, errPlanted) || out.Sent != 1 {
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
	if out := a.run(a.config()); len(out.Left) != 1 || !errors.Is(out.Left[0].Err, errPlanted) {
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

// Nothing but our own files goes with a claim in which no message is.
func TestClearingRemovesOnlyOurs(t *testing.T) {
	b := newBench(t)
	id := b.abandon("message", "m", nil)
	dir := filepath.Join(b.dir, sendingDir, id.String())
	if err := os.Rename(filepath.Join(dir, "message"), filepath.Join(dir, ".netrc")); err != nil {
		t.Fatal(err)
	}
	if out := b.run(b.config()); len(out.Left) != 1 || !errors.As(out.Left[0].Err, new(*RecordError)) {
		t.Errorf("outcome %+v", out)
	}
	if got := readFile(t, filepath.Join(dir, ".netrc")); got != "m" {
		t.Errorf("it holds %q", got)
	}
}
