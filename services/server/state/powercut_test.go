package state

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"sealpost/shared/durable/durabletest"
)

// changeEnv makes the test binary change the state in that directory instead.
const changeEnv = "STATE_TEST_DIR"

const changedID = "fedcba9876543210fedcba9876543210"

func TestMain(m *testing.M) {
	dir := os.Getenv(changeEnv)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := changeAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// changeAll makes a state and changes all of it that can be changed.
func changeAll(dir string) error {
	s, err := Open(dir)
	if err != nil {
		return err
	}
	if err := s.SetCheckpoint([]byte("a checkpoint")); err != nil {
		return err
	}
	if err := s.SetLogbookID(changedID); err != nil {
		return err
	}
	for _, name := range []string{"one", "two"} {
		if _, err := s.AddSender(name); err != nil {
			return err
		}
	}
	if _, err := s.RemoveSender("one", false); err != nil {
		return err
	}
	return s.Close()
}

// TestPowerCutEverywhere cuts the power after each operation. The state can be
// opened then, and what a call had said at its end is still so.
func TestPowerCutEverywhere(t *testing.T) {
	root := durabletest.MemoryDir(t)
	start := map[string][]byte{"state/": nil}
	durabletest.Put(t, root, start)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), changeEnv+"="+root+"/state")
	cmd.Stderr = os.Stderr
	ops, status := durabletest.Trace(t, cmd, root)
	if status.ExitStatus() != 0 {
		t.Fatalf("status %v", status)
	}
	disk := durabletest.New(start)
	for n := range len(ops) + 1 {
		if n > 0 {
			disk.Apply(ops[n-1])
		}
		for _, w := range []durabletest.Survival{durabletest.Nothing, durabletest.Everything,
			durabletest.AtRandom(uint64(n), true), durabletest.AtRandom(uint64(n), false)} {
			dir := durabletest.MemoryDir(t)
			durabletest.Put(t, dir, disk.After(w))
			s, err := Open(dir + "/state")
			if err != nil {
				t.Fatalf("after %d operations, %s survives: %v", n, w.Name, err)
			}
			if n == len(ops) {
				wantChanged(t, s)
			}
			if err := errors.Join(s.Close(), os.RemoveAll(dir)); err != nil {
				t.Error(err)
			}
		}
	}
	t.Logf("%d operations", len(ops))
}

func wantChanged(t *testing.T, s *State) {
	t.Helper()
	var names []string
	list, err := s.Senders()
	for _, sender := range list {
		names = append(names, sender.Name)
	}
	if err != nil || strings.Join(names, " ") != "two" {
		t.Errorf("senders %q, %v", names, err)
	}
	text, err := s.Checkpoint()
	if err != nil || string(text) != "a checkpoint" {
		t.Errorf("checkpoint %q, %v", text, err)
	}
	if s.LogbookID() != changedID {
		t.Errorf("logbook id %s", s.LogbookID())
	}
}
