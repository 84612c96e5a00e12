package cli

import (
	"errors"
	"testing"
)

// TestCheckSystem: where there is no outbox the client says so, with what works there.
func TestCheckSystem(t *testing.T) {
	for _, goos := range []string{"linux", "darwin"} {
		if err := checkSystem(goos); err != nil {
			t.Errorf("%s: %v", goos, err)
		}
	}
	err := checkSystem("windows")
	if !errors.As(err, new(*usageError)) || status(err) != exitUsage || hint(err) == "" {
		t.Errorf("windows: %v, status %d, hint %q", err, status(err), hint(err))
	}
}
