package handon_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/handon"
	"sealpost/shared/durable/durabletest"
)

const (
	oldLogbook = "00112233445566778899aabbccddeeff"
	newLogbook = "ff112233445566778899aabbccddeeff"
)

// collected is an output directory, by name below its parent.
func collected() map[string][]byte {
	return map[string][]byte{
		"out/manifest.jsonl": []byte("lines\n"), "out/checkpoint": []byte("sealpost/" + oldLogbook + "\n3\nroot\n"),
		"out/handed": []byte("2\n"), "out/owed": []byte("1\n"), "out/retired": []byte("list"),
		"out/server_message0.txt": []byte("zero"), "out/000001/server_message10000.txt": []byte("shard"),
		"out/notes.txt": []byte("of the operator"),
	}
}

// TestAcceptPowerCutEverywhere: after each operation nothing is lost, either the old
// checkpoint is there, which stops a run, or the new logbook is known; and doing it again
// ends it.
func TestAcceptPowerCutEverywhere(t *testing.T) {
	root := durabletest.MemoryDir(t)
	start := collected()
	durabletest.Put(t, root, start)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), acceptEnv+"="+newLogbook, dirEnv+"="+root)
	ops, status := durabletest.Trace(t, cmd, root)
	if status.ExitStatus() != 0 || len(ops) < 10 {
		t.Fatalf("status %v, %d operations", status, len(ops))
	}
	disk := durabletest.New(start)
	for n := range len(ops) + 1 {
		if n > 0 {
			disk.Apply(ops[n-1])
		}
		for _, w := range []durabletest.Survival{durabletest.Nothing, durabletest.Everything,
			durabletest.AtRandom(uint64(n), true), durabletest.AtRandom(uint64(n), false)} {
			checkAccepting(t, n, disk.After(w))
		}
	}
}

// former is where a file of the old logbook lies once another was accepted.
func former(name string) string {
	return strings.Replace(name, "out/", "out/former-"+oldLogbook+"/", 1)
}

func checkAccepting(t *testing.T, n int, left map[string][]byte) {
	t.Helper()
	for name, text := range collected() {
		if !bytes.Equal(left[name], text) && !bytes.Equal(left[former(name)], text) {
			t.Errorf("after %d operations %s is lost", n, name)
		}
	}
	known := string(left["out/logbook"])
	if _, kept := left["out/checkpoint"]; !kept && known != newLogbook+"\n" {
		t.Errorf("after %d operations neither logbook is known", n)
	}
	if _, listed := left["out/manifest.jsonl"]; listed && left["out/server_message0.txt"] == nil {
		t.Errorf("after %d operations a message that is in the kept manifest is away", n)
	}
	root := durabletest.MemoryDir(t)
	durabletest.Put(t, root, left)
	if _, err := handon.AcceptLogbook(filepath.Join(root, "out"), newLogbook); err != nil {
		t.Errorf("again after %d operations: %v", n, err)
	}
	got := durabletest.Get(t, root)
	for name, text := range collected() {
		if name != "out/notes.txt" {
			name = former(name)
		}
		if !bytes.Equal(got[name], text) {
			t.Errorf("again after %d operations: %s is %q", n, name, got[name])
		}
	}
}

// TestAcceptReplacesNothing: a logbook that comes back is set aside beside its former
// self.
func TestAcceptReplacesNothing(t *testing.T) {
	root := durabletest.MemoryDir(t)
	out := filepath.Join(root, "out")
	var dirs []string
	for range 2 {
		durabletest.Put(t, root, collected())
		dir, err := handon.AcceptLogbook(out, newLogbook)
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, filepath.Base(dir))
		if err := os.Remove(filepath.Join(out, "notes.txt")); err != nil {
			t.Fatal(err)
		}
	}
	if dirs[0] != "former-"+oldLogbook || dirs[1] != dirs[0]+".2" {
		t.Errorf("%q", dirs)
	}
}

func TestAcceptRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		id   string
		put  func(out string) error
		want error
	}{
		"the same": {oldLogbook, func(string) error { return nil }, collector.ErrSameLogbook},
		"not known before": {newLogbook, func(out string) error {
			return os.Remove(out + "/checkpoint")
		}, collector.ErrUnknownLogbook},
		"a link in its place": {newLogbook, func(out string) error {
			return os.Symlink(filepath.Dir(out), out+"/former-"+oldLogbook)
		}, collector.ErrForeign},
	} {
		t.Run(name, func(t *testing.T) {
			root := durabletest.MemoryDir(t)
			durabletest.Put(t, root, collected())
			out := filepath.Join(root, "out")
			if err := c.put(out); err != nil {
				t.Fatal(err)
			}
			if _, err := handon.AcceptLogbook(out, c.id); !errors.Is(err, c.want) {
				t.Error(err)
			}
			if got, err := os.ReadFile(filepath.Join(out, "server_message0.txt")); string(got) != "zero" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
