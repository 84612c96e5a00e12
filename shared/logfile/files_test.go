package logfile_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/logfile"
	"sealpost/shared/vectortest"
)

// parseErrors are the expectations that Parse itself must meet; "wrap" shows
// only when the base64 text is read.
var parseErrors = map[string]error{
	"success": nil,
	"wrap":    nil,
	"header":  logfile.ErrHeader,
	"size":    logfile.ErrSize,
	"trailer": logfile.ErrTrailer,
}

// TestFileVectors parses every vector, makes the file anew from what was
// parsed, and deciphers its base64 text.
func TestFileVectors(t *testing.T) {
	for _, v := range vectortest.Read(t, "testdata/files") {
		t.Run(v.Name, func(t *testing.T) {
			want, known := parseErrors[v.Header["expect"]]
			if !known {
				t.Fatalf("unknown expectation %q", v.Header["expect"])
			}
			f, err := logfile.Parse(bytes.NewReader(v.Body), int64(len(v.Body)))
			if !errors.Is(err, want) || (f == nil) != (err != nil) {
				t.Fatalf("Parse: %v, want %v", err, want)
			}
			switch v.Header["expect"] {
			case "wrap":
				if _, err := io.ReadAll(f.Ciphertext()); !errors.Is(err, logfile.ErrWrap) {
					t.Fatalf("reading the base64 text: %v", err)
				}
			case "success":
				checkHead(t, v.Header, f)
				checkParts(t, v.Header, f)
				if got, err := rebuild(f); err != nil || !bytes.Equal(got, v.Body) {
					t.Errorf("made anew:\n%s\n(%v), want\n%s", got, err, v.Body)
				}
			}
		})
	}
}

func checkHead(t *testing.T, want map[string]string, f *logfile.File) {
	t.Helper()
	for key, got := range map[string]string{
		"time":           f.ReceivedAt.Format(time.RFC3339),
		"cipher":         string(f.Cipher),
		"sender":         f.Sender,
		"name":           f.Name,
		"id":             f.ID.String(),
		"size":           fmt.Sprint(f.Size),
		"encrypted-size": fmt.Sprint(f.EncryptedSize),
		"left-out":       fmt.Sprint(f.CiphertextLeftOut),
	} {
		if got != want[key] {
			t.Errorf("%s: %q, want %q", key, got, want[key])
		}
	}
}

func checkParts(t *testing.T, want map[string]string, f *logfile.File) {
	t.Helper()
	plain, err := io.ReadAll(f.Plain())
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(plain)); got != want["sha256"] {
		t.Errorf("SHA-256 of %d bytes: %s, want %s", len(plain), got, want["sha256"])
	}
	shown := want["cipher"] == "2012" && want["left-out"] == "false"
	if (f.Ciphertext() != nil) != shown {
		t.Fatalf("base64 text present: %t, want %t", !shown, shown)
	}
	if !shown {
		return
	}
	text, err := io.ReadAll(f.Ciphertext())
	if err != nil || fmt.Sprint(len(text)) != want["encrypted-size"] {
		t.Fatalf("%d characters of base64 text, %v", len(text), err)
	}
	key, err := hex.DecodeString(want["key"])
	if err != nil {
		t.Fatal(err)
	}
	if got, err := cipher2012.Decrypt(cipher2012.Key(key), text); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("the base64 text deciphers to %q, %v", got, err)
	}
}

// rebuild makes the log file of f with the writing half of the package.
func rebuild(f *logfile.File) ([]byte, error) {
	most := uint64(math.MaxUint64)
	if f.CiphertextLeftOut {
		most = f.EncryptedSize - 1
	}
	layout := logfile.NewLayout(f.Head, most)
	var out bytes.Buffer
	out.Write(layout.Header())
	if at := int64(out.Len()); at != layout.PlainOffset() {
		return nil, fmt.Errorf("the message lies at %d, not at %d", at, layout.PlainOffset())
	}
	if _, err := io.Copy(&out, f.Plain()); err != nil {
		return nil, err
	}
	out.Write(layout.Trailer())
	if at := int64(out.Len()); at != layout.CipherOffset() {
		return nil, fmt.Errorf("the base64 text lies at %d, not at %d", at, layout.CipherOffset())
	}
	if layout.HasCiphertext() {
		wrapped := logfile.WrapBase64(&out)
		if _, err := io.Copy(wrapped, f.Ciphertext()); err != nil {
			return nil, err
		}
		if err := wrapped.Close(); err != nil {
			return nil, err
		}
	}
	if size := int64(out.Len()); size != layout.FileSize() {
		return nil, fmt.Errorf("the file has %d bytes, not %d", size, layout.FileSize())
	}
	return out.Bytes(), nil
}

var refusals = []error{logfile.ErrHeader, logfile.ErrSize, logfile.ErrTrailer}

// FuzzParse: what parses is what the writing half makes of it, and what does not
// is refused with an error of the package.
func FuzzParse(f *testing.F) {
	for _, v := range vectortest.Read(f, "testdata/files") {
		f.Add(v.Body)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := logfile.Parse(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			if file != nil || !slices.ContainsFunc(refusals, func(want error) bool { return errors.Is(err, want) }) {
				t.Fatalf("%q: %+v, %v", data, file, err)
			}
			return
		}
		got, err := rebuild(file)
		if errors.Is(err, logfile.ErrWrap) {
			return
		}
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%q parses, but made anew it is %q, %v", data, got, err)
		}
	})
}
