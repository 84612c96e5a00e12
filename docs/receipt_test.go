package docs

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/receipt/receipttest"
	"sealpost/shared/logfile"
)

// exampleReceipt makes the page's receipt, of the first of three messages, and
// its checkpoint.
func exampleReceipt(t *testing.T, id *identity.Identity, line []byte) (text, checkpoint []byte) {
	t.Helper()
	e, err := logfile.ParseLine(line)
	if err != nil {
		t.Fatal(err)
	}
	lines := [][]byte{line}
	for e.Seq = 1; e.Seq < 3; e.Seq++ {
		e.File = logfile.FileName(e.Seq)
		e.ID[0] = byte(e.Seq)
		next, err := e.Line()
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, next)
	}
	text, err = receipttest.Lines(id, logbookID, lines, 0)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := receipt.Open(text, identity.Pins{{Key: id.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	return text, opened.Signed
}

// TestProtocolProof checks the proofs in the test vectors in the words of the
// page.
func TestProtocolProof(t *testing.T) {
	files, err := filepath.Glob("../shared/crypto/receipt/testdata/receipts/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		header, body, _ := bytes.Cut(data, []byte("\n\n"))
		expect, _, _ := strings.Cut(strings.TrimPrefix(string(header), "expect: "), "\n")
		if expect != "success" && expect != "proof" {
			continue
		}
		checked++
		if got := proofHolds(t, string(body)); got != (expect == "success") {
			t.Errorf("%s: the page's steps find the proof %t", filepath.Base(file), got)
		}
	}
	if checked < 20 {
		t.Errorf("%d vectors", checked)
	}
}

func proofHolds(t *testing.T, text string) bool {
	t.Helper()
	head, checkpoint, _ := strings.Cut(text, "\n\n")
	rows, signed := strings.Split(head, "\n"), strings.Split(checkpoint, "\n")
	i, n := decimal(t, strings.TrimPrefix(rows[2], "index ")), decimal(t, signed[1])
	if i >= n {
		return false
	}
	r := hash(0, decode(t, strings.TrimPrefix(rows[1], "extra ")))
	f, s := i, n-1
	for _, row := range rows[3:] {
		p := decode(t, row)
		if s == 0 {
			return false
		}
		if f%2 == 1 || f == s {
			r = hash(1, p, r)
			for f%2 == 0 && f != 0 {
				f, s = f/2, s/2
			}
		} else {
			r = hash(1, r, p)
		}
		f, s = f/2, s/2
	}
	return s == 0 && bytes.Equal(r, decode(t, signed[2]))
}

func hash(prefix byte, parts ...[]byte) []byte {
	sum := sha256.Sum256(append([]byte{prefix}, bytes.Join(parts, nil)...))
	return sum[:]
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func decimal(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestProtocolReceiptLimits: the page's numbers are the code's.
func TestProtocolReceiptLimits(t *testing.T) {
	page := strings.Join(strings.Fields(read(t, "PROTOCOL.md")), " ")
	for _, text := range []string{
		"at most " + strconv.Itoa(receipt.MaxSize) + " bytes of UTF-8",
		"at most " + strconv.FormatUint(receipt.MaxTree, 10) + " (2⁶² - 1)",
		"1 to " + strconv.Itoa(receipt.MaxLine) + " bytes of UTF-8",
		"ends in `" + receipt.FileSuffix + "`",
	} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
}
