package volumes

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/server/logbook/local"
	"sealpost/services/server/state"
	"sealpost/shared/durable/durabletest"
)

// TestPowerCutInCopy cuts the power after each operation of a copy, as the kernel
// was asked for them. What is left opens as the whole copy, or not at all; once the
// copy was said to be done, it is whole.
func TestPowerCutInCopy(t *testing.T) {
	root := durabletest.MemoryDir(t)
	served(t, root)
	start := durabletest.Get(t, root)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), rootEnv+"="+root, runEnv+"=copy")
	cmd.Stderr = os.Stderr
	ops, status := durabletest.Trace(t, cmd, root)
	if status.ExitStatus() != 0 {
		t.Fatalf("status %v", status)
	}
	c := &cuts{ops: ops}
	disk := durabletest.New(start)
	whole, barred := 0, 0
	for n := range len(ops) + 1 {
		if n > 0 {
			disk.Apply(ops[n-1])
		}
		for _, s := range []durabletest.Survival{durabletest.Nothing, durabletest.Everything,
			durabletest.AtRandom(uint64(n), true), durabletest.AtRandom(uint64(n), false)} {
			left := disk.After(s)
			maps.DeleteFunc(left, func(name string, _ []byte) bool { return !strings.HasPrefix(name, "copy/") })
			opened := openCopy(t, left)
			switch {
			case c.before(n, "copied") && (!opened || len(left["copy/data/logs/checkpoint"]) == 0):
				t.Error("the copy is gone, or its checkpoint")
			case opened:
				whole++
			default:
				barred++
			}
			if t.Failed() {
				t.Fatalf("power cut after operation %d of %v, %s survives", n, ops[max(0, n-1)], s.Name)
			}
		}
	}
	t.Logf("%d operations, %d states whole, %d not", len(ops), whole, barred)
	if whole == 0 || barred < 30 {
		t.Error("something is not seen")
	}
}

// openCopy reports whether what is left of a copy opens, and is then whole.
func openCopy(t *testing.T, left map[string][]byte) bool {
	t.Helper()
	if _, there := left["copy/data/"]; !there {
		return false
	}
	root := durabletest.MemoryDir(t)
	defer os.RemoveAll(root)
	durabletest.Put(t, root, left)
	to := filepath.Join(root, "copy")
	st, err := state.Open(filepath.Join(to, "state"))
	check(t, err)
	defer st.Close()
	opener := newOpener(to, st)
	defer opener.Close()
	book, err := opener.Open()
	if err != nil {
		if !IsVerdict(err) {
			t.Errorf("it does not open: %v", err)
		}
		return false
	}
	if n := book.(*memory).signing.(*local.Logbook).Len(); n != 2 {
		t.Errorf("it opens with %d messages", n)
	}
	check(t, book.Close())
	n, err := Verify(filepath.Join(to, "data"), st, func(d local.Difference) { t.Error(d) })
	if err != nil || n.Checked != 2 {
		t.Errorf("it is verified with %d, %v", n, err)
	}
	return true
}
