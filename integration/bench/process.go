package main

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTicks a second are the unit of CPU time in /proc, on every Linux port of Go.
const clockTicks = 100

// memory of a process, in bytes.
type memory struct {
	now, peak uint64 // VmRSS, VmHWM
	own       uint64 // RssAnon: without pages of files, which the kernel may take back
}

// memoryOf reads the memory of a process from /proc/PID/status.
func memoryOf(pid int) (memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}, err
	}
	return parseMemory(string(text))
}

func parseMemory(status string) (memory, error) {
	var m memory
	for line := range strings.Lines(status) {
		name, rest, _ := strings.Cut(line, ":")
		to := &m.now
		switch name {
		case "VmRSS":
		case "VmHWM":
			to = &m.peak
		case "RssAnon":
			to = &m.own
		default:
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			return memory{}, fmt.Errorf("/proc status: %w", err)
		}
		*to = n << 10
	}
	if m.now == 0 || m.peak == 0 || m.own == 0 {
		return memory{}, fmt.Errorf("/proc status: no VmRSS, VmHWM or RssAnon: %w", fs.ErrInvalid)
	}
	return m, nil
}

// cpuOf returns the CPU time that a process has used, to 10 ms, from
// /proc/PID/stat.
func cpuOf(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseCPU(string(text))
}

// parseCPU adds fields 14 and 15, user and system time. The name of the program
// is field 2 and may hold anything, so fields are counted behind it.
func parseCPU(stat string) (time.Duration, error) {
	_, rest, ok := cutLast(stat, ")")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, fmt.Errorf("/proc stat: %w", fs.ErrInvalid)
	}
	var ticks uint64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc stat: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / clockTicks, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
