package receipt_test

import (
	"bytes"
	"encoding/base64"
	"testing"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/vectortest"
)

// TestRootVectors holds manifests against checkpoints. What stands behind the
// last line end is not a line.
func TestRootVectors(t *testing.T) {
	for _, v := range vectortest.Read(t, "testdata/roots") {
		t.Run(v.Name, func(t *testing.T) {
			signed, err := base64.StdEncoding.DecodeString(v.Header["checkpoint"])
			if err != nil {
				t.Fatal(err)
			}
			c, err := receipt.OpenCheckpoint(signed, vectorPins(t, v))
			if err != nil {
				t.Fatal(err)
			}
			var h receipt.Hasher
			outcome := "cut"
			lines := bytes.SplitAfter(v.Body, []byte("\n"))
			for n := 0; ; n++ {
				if h.Size() == c.Size {
					outcome = map[bool]string{true: "success", false: "altered"}[h.Root() == c.Root]
				}
				if n == len(lines)-1 {
					break
				}
				h.Add(bytes.TrimSuffix(lines[n], []byte("\n")))
			}
			if outcome != v.Header["expect"] {
				t.Errorf("%s, want %s", outcome, v.Header["expect"])
			}
			if h.Size() != number(t, v, "lines") || h.Root().String() != v.Header["root"] {
				t.Errorf("%d lines with root %s", h.Size(), h.Root())
			}
		})
	}
}
