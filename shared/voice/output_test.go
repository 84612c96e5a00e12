package voice_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"sealpost/shared/voice"
)

func full(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestOutputRemembers(t *testing.T) {
	out := voice.NewOutput(full(t))
	fmt.Fprintln(out, "a result whose error nobody looks at")
	own := errors.New("its own")
	for _, err := range []error{nil, own} {
		got := out.After(err)
		if !errors.As(got, new(*voice.OutputError)) || !errors.Is(got, syscall.ENOSPC) || err != nil && !errors.Is(got, err) {
			t.Errorf("after %v: %v", err, got)
		}
	}
	_, err := fmt.Fprintln(out, "another")
	if got := out.After(fmt.Errorf("wrapped: %w", err)); strings.Count(got.Error(), "could not be printed") != 1 {
		t.Errorf("told twice: %v", got)
	}
}

// An Output over an Output says it once.
func TestOutputOverOutput(t *testing.T) {
	out := voice.NewOutput(voice.NewOutput(full(t)))
	_, err := fmt.Fprintln(out, "a result")
	if !errors.Is(err, syscall.ENOSPC) || strings.Count(out.After(err).Error(), "could not be printed") != 1 {
		t.Errorf("%v", err)
	}
}

// What comes after a hole is not written.
func TestOutputStaysFailed(t *testing.T) {
	w := &failsOnce{}
	out := voice.NewOutput(w)
	fmt.Fprint(out, "one")
	fmt.Fprint(out, "two")
	if w.String() != "" || out.After(nil) == nil {
		t.Errorf("written %q, after %v", w.String(), out.After(nil))
	}
}

type failsOnce struct {
	failed bool
	strings.Builder
}

func (w *failsOnce) Write(p []byte) (int, error) {
	if !w.failed {
		w.failed = true
		return 0, syscall.ENOSPC
	}
	return w.Builder.Write(p)
}

func TestOutputPassesOn(t *testing.T) {
	var b strings.Builder
	out := voice.NewOutput(&b)
	fmt.Fprint(out, "one ")
	fmt.Fprint(out, "two")
	if err := out.After(nil); err != nil || b.String() != "one two" {
		t.Errorf("%q, %v", b.String(), err)
	}
}
