package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseCounters(t *testing.T) {
	// Each field has its own number, so that a wrong one shows.
	got, err := parseCounters("    1    2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n")
	if want := (counters{writes: 5, merges: 6, flushes: 16, known: true}); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	for _, text := range []string{"", "1 2 3 4 5 6 7 8 9 10 11", "1 2 3 4 x 6 7 8 9 10 11 12 13 14 15 16 17"} {
		if c, err := parseCounters(text); !errors.Is(err, errCounters) || c.known {
			t.Errorf("%q is read as %+v, %v", text, c, err)
		}
	}
}

func TestCountersSince(t *testing.T) {
	before := counters{writes: 10, merges: 20, flushes: 30, known: true}
	after := counters{writes: 11, merges: 22, flushes: 33, known: true}
	if got := after.since(before).String(); got != "1/2/3" {
		t.Errorf("the difference is %s", got)
	}
	if got := after.since(counters{}).String(); got != "?" {
		t.Errorf("the difference to what is not known is %s", got)
	}
}

// A partition has no count of flushes; its device has.
func TestDeviceOf(t *testing.T) {
	sys := t.TempDir()
	partition := filepath.Join(sys, "devices", "sda", "sda1")
	check(t, os.MkdirAll(partition, 0o755))
	check(t, os.WriteFile(filepath.Join(partition, "partition"), []byte("1\n"), 0o644))
	check(t, os.Symlink(partition, filepath.Join(sys, "8:1")))
	check(t, os.Symlink(filepath.Dir(partition), filepath.Join(sys, "8:0")))
	for minor, want := range map[uint32]string{0: "sda", 1: "sda", 2: ""} {
		name, stat := deviceOf(sys, unix.Mkdev(8, minor))
		if name != want {
			t.Errorf("8:%d is %q, want %q", minor, name, want)
		}
		if want != "" && filepath.Base(filepath.Dir(stat)) != want {
			t.Errorf("8:%d is counted in %s", minor, stat)
		}
	}
}

func TestRoom(t *testing.T) {
	d := disk{dir: t.TempDir()}
	if err := d.room(1 << 62); err == nil {
		t.Error("there is room for four exabytes")
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
