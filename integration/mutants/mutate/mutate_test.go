package mutate

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func module(t *testing.T) (root string) {
	root = t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module m\n", "main.go": "package main\n\nfunc main() { println(one + two + three) }\n",
		"one.go": "package main\n\nconst one, two = 1, 20\n", "three.go": "package main\n\nconst three = 300\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// The go command reads the changed files; the originals are as they were.
func TestOverlay(t *testing.T) {
	root := module(t)
	texts, err := Apply(root, Change{"one.go", "1,", "4,"}, Change{"three.go", "3", "6"}, Change{"one.go", "20", "50"})
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := Overlay(t.TempDir(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for want, flags := range map[string][]string{"654\n": {"-overlay=" + overlay}, "321\n": nil} {
		cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"run"}, flags...), ".")...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
			t.Errorf("%q: %q, %v, want %q", flags, out, err, want)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	root := module(t)
	for times, old := range map[int]string{0: "four", 2: "t"} {
		c := Change{"one.go", old, ""}
		_, err := Apply(root, c)
		var wrong *TimesError
		if !errors.As(err, &wrong) || wrong.Change != c || wrong.Times != times {
			t.Errorf("%q: %v, want %d times", old, err, times)
		}
	}
	if _, err := Apply(root, Change{"none.go", "a", "b"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
