package main

import (
	"errors"
	"slices"
	"testing"
)

// A mutant is caught where a test failed, and not where its tests could not run.
func TestJudge(t *testing.T) {
	exit1 := errors.New("exit status 1")
	for said, c := range map[string]struct {
		err  error
		want verdict
	}{
		"PASS\n": {nil, survived},
		"--- FAIL: TestA (0.00s)\n    a_test.go:1: wrong\nFAIL\n":               {exit1, caught},
		"panic: nil map\n\ngoroutine 7 [running]:\n":                            {exit1, caught},
		"fatal error: all goroutines are asleep - deadlock!\n":                  {exit1, caught},
		"panic: test timed out after 8m0s\n":                                    {exit1, hung},
		"testing: warning: no tests to run\nPASS\n":                             {nil, failed},
		"faults: go build: exit status 1\n./a.go:1:1: declared and not used: a": {exit1, failed},
	} {
		if got := judge(said, c.err); got != c.want {
			t.Errorf("%q, %v: %s, want %s", said, c.err, got, c.want)
		}
	}
}

// The tests of a package run together, each once.
func TestSuites(t *testing.T) {
	a, aSub, b := suite{"./a", "^TestA$"}, suite{"./a", "^TestB$/^sub$"}, suite{"./b", "^TestA$"}
	got := suites([]mutant{{suite: a}, {suite: b}, {suite: aSub}, {suite: a}})
	if want := []suite{{"./a", "^TestA$|^TestB$/^sub$"}, b}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
