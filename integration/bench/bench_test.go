package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestQuick runs every case on the sources as they are, beside themselves.
func TestQuick(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil && os.Getenv("CI") == "" {
		t.Skip("soak needs strace")
	}
	var report, progress strings.Builder
	status := command(t.Context(), []string{"-quick", "-against", ".", "-dir", t.TempDir()}, &report, &progress)
	if strings.Contains(progress.String(), errMemory.Error()) {
		t.Skip("the directory for temporary files lies in memory")
	}
	if status != 0 {
		t.Fatalf("status %d\n%s", status, progress.String())
	}
	for _, want := range []string{"small, 64 x 16: 256 messages", "alone", "large", "idle", "neighbour, 64 x 1:",
		"growth", "soak", "both us", other} {
		if !strings.Contains(report.String(), want) {
			t.Errorf("the report does not have %q\n%s", want, report.String())
		}
	}
}

func TestUsage(t *testing.T) {
	for line, want := range map[string]int{"-rounds 0": 2, "-large 0": 2, "nothing": 2, "-no": 2, "small no": 2, "-h": 0} {
		var said strings.Builder
		if status := command(t.Context(), strings.Fields(line), io.Discard, &said); status != want || said.Len() == 0 {
			t.Errorf("%s: status %d, want %d; %q", line, status, want, said.String())
		}
	}
}

// The floors write what the server writes, a log file for each message.
func TestFloors(t *testing.T) {
	body := content(smallSize)
	source := filepath.Join(t.TempDir(), "source")
	if err := os.WriteFile(source, body, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		run floor
		n   int
	}{"all, then sync": {allThenSync(3), 3}, "one by one": {oneByOne(3), 3}, "upload": {upload(source), 1}} {
		dir := t.TempDir()
		result, err := c.run(t.Context(), dir)
		files, _ := os.ReadDir(dir)
		if err != nil || len(files) != c.n || result.Elapsed <= 0 {
			t.Errorf("%s: %d files, %+v, %v", name, len(files), result, err)
		}
		for _, f := range files {
			got, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil || len(got) != len(logFile(body)) || !strings.Contains(string(got), string(body)) {
				t.Errorf("%s: %s has %d bytes: %v", name, f.Name(), len(got), err)
			}
		}
	}
}

// A partition does not count flushes; its device does.
func TestDeviceOf(t *testing.T) {
	sys := t.TempDir()
	partition := filepath.Join(sys, "devices", "sda", "sda1")
	err := errors.Join(os.MkdirAll(partition, 0o700), os.WriteFile(filepath.Join(partition, "partition"), nil, 0o600),
		os.Symlink(partition, filepath.Join(sys, "8:1")), os.Symlink(filepath.Dir(partition), filepath.Join(sys, "8:0")))
	if err != nil {
		t.Fatal(err)
	}
	for number, want := range map[string]string{"8:0": "sda", "8:1": "sda", "8:2": ""} {
		if name := deviceOf(sys, number); name != want {
			t.Errorf("%s is %q, want %q", number, name, want)
		}
	}
}

// Growth compares the last tenth of the samples with the second.
func TestGrowth(t *testing.T) {
	var all samples
	for i := range 100 {
		all = append(all, sample{ownMiB: float64(100 + i), descriptors: 7, goroutines: float64(10 * (i / 10))})
	}
	got := make(values)
	all.growth(got)
	if got[memoryGrowth] != 190.0/110 || got[descriptorGrowth] != 1 || got[goroutineGrowth] != 9 {
		t.Errorf("growth is %v", got)
	}
	var drawn strings.Builder
	all[:3].plot(&drawn)
	charts, line := strings.Count(drawn.String(), "```mermaid"), "line [100, 101, 102]"
	if charts != 3 || !strings.Contains(drawn.String(), line) {
		t.Errorf("drawn is %s", &drawn)
	}
	all[:1].growth(got)
	if got[memoryGrowth] != 1 {
		t.Errorf("a single sample has grown: %v", got)
	}
}

func TestMetric(t *testing.T) {
	if got, err := metric("# HELP a b\na_b 4\na 3.5\n", "a"); got != 3.5 || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := metric("ab 3\n", "a"); err == nil {
		t.Error("a metric that is not there was found")
	}
}
