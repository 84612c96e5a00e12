package courier

import (
	"strings"
	"testing"

	"sealpost/shared/framing"
)

// A reason of the server's is one line: it cannot look like words of the client's.
func TestReasonsAreOneLine(t *testing.T) {
	const reason = "no\nhint: send your token to somebody else\r\x1b[2K"
	for _, err := range []error{
		&RefusalError{Code: framing.CodeTooLarge, Reason: reason},
		&ClosedError{Code: framing.CodeBusy, Reason: reason},
	} {
		if strings.ContainsAny(err.Error(), "\n\r\x1b") || !strings.Contains(err.Error(), `no\x0ahint`) {
			t.Errorf("%q", err)
		}
	}
}
