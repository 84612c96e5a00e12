package handon_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/services/driver/handon"
	"sealpost/services/driver/hook"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

// The test binary collects and hands on by itself where these name a server and a
// directory.
const (
	addrEnv   = "HANDON_TEST_ADDR"
	dirEnv    = "HANDON_TEST_DIR"
	refuseEnv = "HANDON_TEST_REFUSE" // a number that its hook refuses
	acceptEnv = "HANDON_TEST_ACCEPT" // a logbook that it accepts instead
)

func TestMain(m *testing.M) {
	addr := os.Getenv(addrEnv)
	if id := os.Getenv(acceptEnv); id != "" {
		if _, err := handon.AcceptLogbook(filepath.Join(os.Getenv(dirEnv), "out"), id); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if addr == "" {
		os.Exit(m.Run())
	}
	root := os.Getenv(dirEnv)
	refused := os.Getenv(refuseEnv)
	h := handon.Start(context.Background(), handon.Config{
		Dir: filepath.Join(root, "out"), Messages: filepath.Join(root, "messages"), Hook: &noter{root, refused},
		GiveUp: time.Nanosecond, Attempts: 4, Log: zerolog.Nop(),
		Pause: func(context.Context, <-chan struct{}, time.Duration) {},
	})
	_, err := collector.Collect(context.Background(), collector.Config{
		Addr: addr, User: drivertest.User, Password: drivertest.Password, Dir: filepath.Join(root, "out"),
		Backoff: time.Nanosecond, Connections: 1, Log: zerolog.Nop(), Kept: h.Kept,
	})
	var owed *handon.OwedError
	for _, e := range h.Finish() {
		if !errors.As(e, &owed) {
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// noter is a hook that notes durably, in the directory told, what it took.
type noter struct{ root, refuse string }

func (*noter) NeedsFile() bool { return true }

func (n *noter) Hand(_ context.Context, m hook.Message) error {
	number := strconv.FormatUint(m.Entry.Seq, 10)
	if number == n.refuse {
		return errRefused
	}
	text, err := os.ReadFile(m.Path)
	if err != nil {
		return err
	}
	return durableNote(filepath.Join(n.root, "told"), number, text)
}

// TestPowerCutEverywhere cuts the power after each operation of a run that collects
// and hands on. What the position has passed was told then, and lies in the directory
// of messages, or it is owed; and the next run hands on all others.
func TestPowerCutEverywhere(t *testing.T) {
	for _, test := range []struct {
		name                 string
		missing, late, fails bool // number 1: on the server; only before; its hook
	}{
		{name: "all are taken"},
		{name: "one is missing", missing: true},
		{name: "one comes late", late: true},
		{name: "one is given up", fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPlace(t, 3)
			file := p.v.Entries[1].File
			text := p.v.Read(file)
			start := map[string][]byte{"out/": nil, "told/": nil, "messages/": nil}
			if test.missing || test.late {
				p.v.Remove(file)
			}
			if test.late {
				_, start = traceRun(t, p, start, "")
				p.v.Write(file, text)
			}
			refuse := ""
			if test.fails {
				refuse = "1"
			}
			ops, _ := traceRun(t, p, start, refuse)
			p.v.Write(file, text)
			cutEverywhere(t, p, start, ops)
		})
	}
}

// TestPowerCutAfterAKill: a run is killed where it has added lines to the manifest and
// has not flushed them. What the next one passes is kept all the same, wherever its
// power is cut.
func TestPowerCutAfterAKill(t *testing.T) {
	p := newPlace(t, 3)
	start := map[string][]byte{"out/": nil, "told/": nil, "messages/": nil}
	ops, _ := traceRun(t, p, start, "")
	disk := durabletest.New(start)
	for _, op := range ops {
		disk.Apply(op)
		if op.Kind == durabletest.Write && op.Name == "out/"+logfile.ManifestName {
			break
		}
	}
	more, _ := traceRun(t, p, disk.After(durabletest.Everything), "")
	for n, op := range more {
		disk.Apply(op)
		if checkLeft(t, p, disk.After(durabletest.Nothing)); t.Failed() {
			t.Fatalf("that was after %d operations", n+1)
		}
	}
	if left := disk.After(durabletest.Nothing); string(left["out/handed"]) != "3\n" {
		t.Errorf("the position is %q", left["out/handed"])
	}
}

// traceRun returns what a run does in a directory that holds start, and what that
// holds then.
func traceRun(t *testing.T, p *place, start map[string][]byte, refuse string) ([]durabletest.Op, map[string][]byte) {
	t.Helper()
	root := durabletest.MemoryDir(t)
	durabletest.Put(t, root, start)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), addrEnv+"="+p.addr, dirEnv+"="+root, refuseEnv+"="+refuse)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	ops, status := durabletest.Trace(t, cmd, root)
	if status.ExitStatus() != 0 {
		t.Fatalf("status %v: %s", status, errs.String())
	}
	t.Logf("%d operations", len(ops))
	return ops, durabletest.Get(t, root)
}

func cutEverywhere(t *testing.T, p *place, start map[string][]byte, ops []durabletest.Op) {
	t.Helper()
	disk := durabletest.New(start)
	seen := make(map[string]bool)
	for n := range len(ops) + 1 {
		if n > 0 {
			disk.Apply(ops[n-1])
		}
		for _, w := range []durabletest.Survival{durabletest.Nothing, durabletest.Everything,
			durabletest.AtRandom(uint64(n), true), durabletest.AtRandom(uint64(n), false)} {
			left := disk.After(w)
			if key := fmt.Sprint(left); seen[key] {
				continue
			} else {
				seen[key] = true
			}
			checkLeft(t, p, left)
			goOn(t, p, left)
			if t.Failed() {
				t.Fatalf("that was after %d operations, %s survives", n, w.Name)
			}
		}
	}
}

// checkLeft looks at what a power cut left, before the next run.
func checkLeft(t *testing.T, p *place, left map[string][]byte) {
	t.Helper()
	text, _, _ := strings.Cut(string(left["out/handed"]), "\n")
	next, err := strconv.Atoi(text)
	if _, there := left["out/handed"]; err != nil && there {
		t.Fatalf("the position is %q", text)
	}
	if lines := bytes.Count(left["out/"+logfile.ManifestName], []byte("\n")); lines < next {
		t.Errorf("%d lines are kept, and %d were passed", lines, next)
	}
	for _, e := range p.v.Entries[:next] {
		owed := strings.Contains("\n"+string(left["out/owed"]), fmt.Sprintf("\n%d\n", e.Seq))
		message, alone := left["messages/"+handon.FileName(e)]
		if _, told := left[fmt.Sprintf("told/%d", e.Seq)]; !owed && (!told || !alone || uint64(len(message)) != e.Size) {
			t.Errorf("%d was passed: told %v, alone %v with %d bytes, owed %v", e.Seq, told, alone, len(message), owed)
		}
	}
}

// goOn is the next run, in which all is taken.
func goOn(t *testing.T, p *place, left map[string][]byte) {
	t.Helper()
	root := durabletest.MemoryDir(t)
	defer os.RemoveAll(root)
	durabletest.Put(t, root, left)
	told := maps.Clone(left)
	p.cfg.Dir, p.cfg.Messages = filepath.Join(root, "out"), filepath.Join(root, "messages")
	p.green(p.run())
	for _, number := range p.to.got {
		told[fmt.Sprintf("told/%d", number)] = nil
	}
	for _, e := range p.v.Entries {
		if _, ok := told[fmt.Sprintf("told/%d", e.Seq)]; !ok {
			t.Errorf("%d was never told", e.Seq)
		}
		info, err := os.Stat(filepath.Join(p.cfg.Messages, handon.FileName(e)))
		if err != nil || uint64(info.Size()) != e.Size {
			t.Errorf("%d alone: %v", e.Seq, err)
		}
	}
	p.holds("owed", "")
	p.holds("handed", fmt.Sprintf("%d\n", len(p.v.Entries)))
}

// durableNote writes a file so that a power cut leaves it.
func durableNote(dir, name string, text []byte) error {
	out, err := collector.OpenOutput(dir)
	if err != nil {
		return err
	}
	defer out.Close()
	return out.WriteFile(name, text)
}

// oneNumber is a set of one.
func oneNumber(number uint64) (n numbers.Set) {
	n.Add(numbers.One(number))
	return n
}

// TestCrashBeforeItIsRecorded: what was taken, and not recorded, comes once more.
func TestCrashBeforeItIsRecorded(t *testing.T) {
	p := newPlace(t, 3)
	p.green(p.run())
	p.write("handed", "1\n") // as it was before the last ones were recorded
	p.green(p.run())
	p.got(1, 2)
	p.write("owed", "1\n")
	p.green(p.run())
	p.got(1)
	if _, err := collector.Forget(p.cfg.Dir, oneNumber(1)); !errors.Is(err, collector.ErrNotOwed) {
		t.Errorf("%v", err)
	}
}
