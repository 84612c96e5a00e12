//go:build unix

package cli

import (
	"errors"
	"strings"
	"testing"

	"sealpost/services/client/outbox"
)

// Of very many messages that are left some are named, and the others counted.
func TestManyLeft(t *testing.T) {
	left := make([]outbox.Left, 4096)
	for i := range left {
		left[i] = outbox.Left{Name: "name", Err: errors.New("why")}
	}
	text := (&outcomeError{outcome: outbox.Outcome{Left: left}}).Error()
	if strings.Count(text, "\n") > 20 || !strings.HasSuffix(text, "\nand 4076 more") {
		t.Errorf("it says:\n%s", text)
	}
}
