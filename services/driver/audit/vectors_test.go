package audit_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"testing"

	"sealpost/services/driver/audit"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/vectortest"
)

// TestRootVectors holds the vectors' manifests against their checkpoints.
func TestRootVectors(t *testing.T) {
	causes := map[string]error{"success": nil, "altered": audit.ErrAltered, "cut": audit.ErrShort}
	for _, v := range vectortest.Read(t, "../../../shared/crypto/receipt/testdata/roots") {
		want, known := causes[v.Header["expect"]]
		if !known {
			t.Fatalf("%s: unknown expectation %q", v.Name, v.Header["expect"])
		}
		a := audit.New()
		a.Expect(audit.Head{Source: v.Name, Checkpoint: checkpointOf(t, v)})
		for rest := v.Body; ; {
			line, behind, whole := bytes.Cut(rest, []byte("\n"))
			if !whole {
				break
			}
			a.Line(line)
			rest = behind
		}
		findings := a.Findings(true)
		if len(findings) != 0 != (want != nil) || want != nil && !errors.Is(findings[0], want) {
			t.Errorf("%s: %v, want %v", v.Name, findings, want)
		}
	}
}

func checkpointOf(t *testing.T, v vectortest.Vector) receipt.Checkpoint {
	t.Helper()
	signed, err := base64.StdEncoding.DecodeString(v.Header["checkpoint"])
	if err != nil {
		t.Fatal(err)
	}
	pins, err := identity.ParsePins(v.Header["pin"])
	if err != nil {
		t.Fatal(err)
	}
	c, err := receipt.OpenCheckpoint(signed, pins)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
