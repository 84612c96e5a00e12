package receipt_test

import (
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"sealpost/shared/crypto/receipt"
	"sealpost/shared/vectortest"
)

// FuzzSigned: the server itself may sign what is not a checkpoint. What opens is in
// the one spelling, and everything else is refused with an error of the package.
// FuzzOpenCheckpoint cannot get here: it would have to make up a signature.
func FuzzSigned(f *testing.F) {
	id, pins := generate(f)
	for _, v := range vectortest.Read(f, checkpointDir) {
		if text, _, signed := strings.Cut(string(v.Body), "\n\n"); signed {
			f.Add(text + "\n")
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		origin, _, _ := strings.Cut(text, "\n")
		signer, err := id.Signer(origin)
		if err != nil {
			return
		}
		signed, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			return
		}
		c, err := receipt.OpenCheckpoint(signed, pins)
		switch {
		case err == nil:
			checkText(t, signed, c)
		case !isRefusal(err) || c != (receipt.Checkpoint{}):
			t.Fatalf("%q: %+v, %v", text, c, err)
		}
	})
}
