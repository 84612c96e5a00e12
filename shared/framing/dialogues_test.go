package framing

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"testing"

	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/vectortest"
)

// TestDialogueVectors: what the records of a whole connection decode to encodes
// to the same bytes, as far as they are some. What must come of the connection
// is tested where it is taken: in packages intake and courier.
func TestDialogueVectors(t *testing.T) {
	for _, dir := range []string{"testdata/clients", "testdata/servers"} {
		for _, v := range vectortest.Read(t, dir) {
			t.Run(dir+"/"+v.Name, func(t *testing.T) {
				all, end := readAll(bytes.NewReader(v.Body))
				var again []byte
				for i, rec := range all {
					_, encoded, err := decode(rec)
					if err != nil {
						var breach *Error
						if i < len(all)-1 || !errors.As(err, &breach) {
							t.Fatalf("record %d: %v", i, err)
						}
						break
					}
					again = append(again, encoded...)
				}
				if !bytes.HasPrefix(v.Body, again) {
					t.Errorf("encoded again: %x\nwant a start of %x", again, v.Body)
				}
				if len(v.Body) < 64<<10 { // larger ones hold nothing new to a Reader
					checkCuts(t, v.Body, all, end)
				}
			})
		}
	}
}

// expected2012 are the expectations of the 2012 wire's vectors; how large a
// message may be is for package intake to say.
var expected2012 = map[string]error{
	"success":   nil,
	"oversize":  nil,
	"truncated": io.ErrUnexpectedEOF,
	"base64":    cipher2012.ErrBase64,
	"length":    cipher2012.ErrLength,
	"padding":   cipher2012.ErrPadding,
}

// TestVectors2012 takes whole connections of the 2012 wire apart and makes them
// again.
func TestVectors2012(t *testing.T) {
	for _, v := range vectortest.Read(t, "testdata/wire2012") {
		t.Run(v.Name, func(t *testing.T) {
			want, known := expected2012[v.Header["expect"]]
			if !known {
				t.Fatalf("unknown expectation %q", v.Header["expect"])
			}
			rest := bytes.NewReader(v.Body)
			key, err := ReadKey2012(rest)
			var plain []byte
			if err == nil {
				plain, err = cipher2012.Decrypt(key, v.Body[len(v.Body)-rest.Len():])
			}
			if !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Fatalf("%v, want %v", err, want)
			}
			if err != nil {
				return
			}
			if again := append(key[:], cipher2012.Encrypt(key, plain)...); !bytes.Equal(again, v.Body) {
				t.Errorf("made again: %q\nwant %q", again, v.Body)
			}
			if v.Header["expect"] != "success" {
				return
			}
			if size, digest := fmt.Sprint(len(plain)), fmt.Sprintf("%x", sha256.Sum256(plain)); size != v.Header["size"] ||
				digest != v.Header["sha256"] {
				t.Errorf("%s bytes with SHA-256 %s", size, digest)
			}
		})
	}
}
