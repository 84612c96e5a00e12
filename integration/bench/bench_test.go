package main

import (
	"io"
	"slices"
	"strings"
	"testing"
)

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-rounds", "0"}, {"-large", "0"}, {"nothing"}, {"-nothing"}, {"small", "nothing"}} {
		var complaint strings.Builder
		if status := command(t.Context(), args, io.Discard, &complaint); status != exitUsage || complaint.Len() == 0 {
			t.Errorf("%q: status %d, %q", args, status, complaint.String())
		}
	}
	var help strings.Builder
	if status := command(t.Context(), []string{"-h"}, io.Discard, &help); status != exitOK {
		t.Errorf("-h: status %d", status)
	}
	for _, name := range caseNames() {
		if !strings.Contains(help.String(), name) {
			t.Errorf("the usage does not show %s", name)
		}
	}
}

func TestGrowthPoints(t *testing.T) {
	for last, want := range map[int][]int{
		5:         {5},
		10_000:    {10_000},
		20_000:    {10_000, 20_000},
		1_000_000: {10_000, 100_000, 1_000_000},
	} {
		if got := growthPoints(last); !slices.Equal(got, want) {
			t.Errorf("up to %d: %v, want %v", last, got, want)
		}
	}
}

func TestCountLines(t *testing.T) {
	// More than one buffer, and an end without a newline, which is no line yet.
	text := strings.Repeat(strings.Repeat("x", 99)+"\n", 30_000) + "cut"
	if n, err := countLines(strings.NewReader(text)); n != 30_000 || err != nil {
		t.Errorf("%d lines, %v", n, err)
	}
}

// The numbers of files and bytes that one round of sizes writes are bounded.
func TestCombinations(t *testing.T) {
	var total uint64
	for _, c := range combinations {
		total += c.bytes()
		if c.messages < c.senders {
			t.Errorf("%s from %d: some have nothing to send", c.label, c.senders)
		}
	}
	if total > 2<<30 {
		t.Errorf("a round of sizes writes %d MiB", total>>20)
	}
}
