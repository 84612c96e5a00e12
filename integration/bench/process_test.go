package main

import (
	"os"
	"testing"
	"time"
)

func TestParseMemory(t *testing.T) {
	got, err := parseMemory("Name:\tserver\nVmPeak:\t 9 kB\nVmHWM:\t    3072 kB\nVmRSS:\t    2048 kB\nRssAnon:\t 7 kB\n")
	if want := (memory{now: 2 << 20, peak: 3 << 20, own: 7 << 10}); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	for _, text := range []string{"", "VmRSS:\t1 kB\n", "VmHWM:\t1 kB\nVmRSS:\t1 kB\n", "VmHWM:\t1 kB\nVmRSS:\tmuch\n"} {
		if m, err := parseMemory(text); err == nil {
			t.Errorf("%q is read as %+v", text, m)
		}
	}
}

func TestParseCPU(t *testing.T) {
	// A program's name may look like the rest of the line.
	got, err := parseCPU("1 (a) R 2 3) S 4 5 6 7 8 9 10 11 12 13 250 30 16 17\n")
	if want := 2800 * time.Millisecond; err != nil || got != want {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	for _, text := range []string{"", "1 (a) S 4 5", "1 (a) S 4 5 6 7 8 9 10 11 12 13 x 30 16"} {
		if d, err := parseCPU(text); err == nil {
			t.Errorf("%q is read as %v", text, d)
		}
	}
}

func TestOwnProcess(t *testing.T) {
	m, err := memoryOf(os.Getpid())
	check(t, err)
	if m.now < 1<<20 || m.peak < m.now {
		t.Errorf("this test takes %+v", m)
	}
	_, err = cpuOf(os.Getpid())
	check(t, err)
}
