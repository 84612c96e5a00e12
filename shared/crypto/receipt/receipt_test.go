package receipt_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/receipt/receipttest"
	"sealpost/shared/logfile"
)

const logbookID = "00112233445566778899aabbccddeeff"

func generate(t testing.TB) (*identity.Identity, identity.Pins) {
	t.Helper()
	id, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return id, identity.Pins{{Origin: "sealpost/another", Key: id.Public()}}
}

// someLines are the lines of a logbook of n messages.
func someLines(n int) [][]byte {
	lines := make([][]byte, n)
	for i := range lines {
		lines[i] = fmt.Appendf(nil, `{"v":1,"seq":%d,"name":"Größe.txt"}`, i)
	}
	return lines
}

func sign(t testing.TB, id *identity.Identity, lines [][]byte, index int) []byte {
	t.Helper()
	text, err := receiptOf(id, lines, index)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func receiptOf(id *identity.Identity, lines [][]byte, index int) ([]byte, error) {
	return receipttest.Lines(id, logbookID, lines, uint64(index))
}

// TestRoundTrip: every line of trees of many shapes opens to itself.
func TestRoundTrip(t *testing.T) {
	id, pins := generate(t)
	for _, size := range []int{1, 2, 3, 4, 5, 7, 8, 9, 31, 33} {
		lines := someLines(size)
		for i := range lines {
			text := sign(t, id, lines, i)
			opened, err := receipt.Open(text, pins)
			if err != nil {
				t.Fatalf("line %d of %d: %v", i, size, err)
			}
			if opened.Origin != receipt.Origin(logbookID) || !bytes.Equal(opened.Line, lines[i]) ||
				opened.Index != uint64(i) || opened.Checkpoint.Size != uint64(size) {
				t.Errorf("line %d of %d: opened %+v", i, size, opened)
			}
			if c, err := receipt.OpenCheckpoint(opened.Signed, pins); err != nil || c != opened.Checkpoint {
				t.Errorf("line %d of %d: its checkpoint opens to %+v, %v", i, size, c, err)
			}
			if again := sign(t, id, lines, i); !bytes.Equal(again, text) {
				t.Error("two receipts for one line differ")
			}
		}
	}
}

func TestLines(t *testing.T) {
	id, pins := generate(t)
	for _, line := range []string{"x", "— sealpost/x AAAA", "index 0", strings.Repeat("é", receipt.MaxLine/2)} {
		opened, err := receipt.Open(sign(t, id, [][]byte{[]byte(line)}, 0), pins)
		if err != nil || string(opened.Line) != line {
			t.Errorf("opened %q, %v", opened.Line, err)
		}
	}
	for name, line := range map[string]string{
		"empty": "", "line end": "a\n", "two lines": "a\nb", "carriage return": "a\r", "escape": "\x1b[31m",
		"delete": "a\x7f", "C1 control": "a\u0085", "no UTF-8": "\xff", "too long": strings.Repeat("x", receipt.MaxLine+1),
	} {
		if text, err := receiptOf(id, [][]byte{[]byte(line)}, 0); !errors.Is(err, receipt.ErrLine) || text != nil {
			t.Errorf("%s: error %v, want ErrLine", name, err)
		}
	}
	if receipt.MaxLine != logfile.MaxLine {
		t.Errorf("a receipt holds lines of %d bytes, a manifest of %d", receipt.MaxLine, logfile.MaxLine)
	}
}

func TestNewBoundsTheWhole(t *testing.T) {
	if _, err := receipt.New(0, []byte("x"), nil, make([]byte, receipt.MaxSize)); !errors.Is(err, receipt.ErrMalformed) {
		t.Errorf("error %v, want ErrMalformed", err)
	}
}

// TestEveryChangeShows flips bits of every byte, and cuts at every byte.
func TestEveryChangeShows(t *testing.T) {
	id, pins := generate(t)
	text := sign(t, id, someLines(7), 4)
	for i := range text {
		for _, flip := range []byte{1, 0x20, 0x80} {
			changed := bytes.Clone(text)
			changed[i] ^= flip
			if _, err := receipt.Open(changed, pins); !isRefusal(err) {
				t.Errorf("byte %d changed by %#x: error %v", i, flip, err)
			}
		}
		if _, err := receipt.Open(text[:i], pins); !errors.Is(err, receipt.ErrMalformed) {
			t.Errorf("cut to %d bytes: error %v, want ErrMalformed", i, err)
		}
	}
}

func isRefusal(err error) bool {
	return errors.Is(err, receipt.ErrMalformed) || errors.Is(err, receipt.ErrSignature) || errors.Is(err, receipt.ErrProof)
}

// TestForged: the signature is good, and what is around it is not.
func TestForged(t *testing.T) {
	id, pins := generate(t)
	lines := someLines(7)
	good := string(sign(t, id, lines, 4))
	rows := strings.Split(good, "\n")
	other := strings.Split(string(sign(t, id, lines, 5)), "\n")
	smaller := strings.SplitN(string(sign(t, id, lines[:5], 4)), "\n\n", 2)
	for name, forged := range map[string]string{
		"another line": strings.Replace(good, rows[1], "extra "+base64.StdEncoding.EncodeToString(lines[3]), 1),
		"an altered line": strings.Replace(good, rows[1],
			"extra "+base64.StdEncoding.EncodeToString([]byte("x")), 1),
		"another index": strings.Replace(good, "index 4\n", "index 5\n", 1),
		"index outside": strings.Replace(good, "index 4\n", "index 7\n", 1),
		"the largest index": strings.Replace(good, "index 4\n",
			fmt.Sprintf("index %d\n", uint64(receipt.MaxTree)), 1),
		"a hash of another proof":   strings.Replace(good, rows[3], other[3], 1),
		"hashes in another order":   strings.Replace(good, rows[3]+"\n"+rows[4], rows[4]+"\n"+rows[3], 1),
		"one hash less":             strings.Replace(good, rows[3]+"\n", "", 1),
		"one hash more":             strings.Replace(good, rows[3], rows[3]+"\n"+rows[3], 1),
		"no hashes":                 strings.Join(append(rows[:3:3], rows[6:]...), "\n"),
		"a smaller tree's proof":    smaller[0] + good[strings.Index(good, "\n\n"):],
		"another tree's":            good[:strings.Index(good, "\n\n")+2] + smaller[1],
		"an inner node as a line":   innerNode(lines, good),
		"a tree of size 0":          good[:strings.Index(good, "\n\n")+2] + string(signed(t, id, 0)),
		"the largest tree there is": good[:strings.Index(good, "\n\n")+2] + string(signed(t, id, receipt.MaxTree)),
	} {
		if forged == good {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := receipt.Open([]byte(forged), pins); !errors.Is(err, receipt.ErrProof) {
			t.Errorf("%s: error %v, want ErrProof", name, err)
		}
	}
}

// innerNode passes the two children of an inner node for a line: leaves and
// nodes are hashed with different prefixes (RFC 6962, section 2.1), and a line
// is text. It returns a receipt with such a line.
func innerNode(lines [][]byte, good string) string {
	left, right := tlog.RecordHash(lines[4]), tlog.RecordHash(lines[5])
	node := string(left.String() + right.String())
	rows := strings.Split(good, "\n")
	rows[1] = "extra " + base64.StdEncoding.EncodeToString([]byte(node))
	rows[2] = "index 2"
	return strings.Join(append(rows[:3:3], rows[4:]...), "\n")
}

func signed(t testing.TB, id *identity.Identity, size uint64) []byte {
	t.Helper()
	text, err := receipt.SignCheckpoint(receipt.Checkpoint{Origin: receipt.Origin(logbookID), Size: size}, id)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestLineOf: what a receipt says its line is, whoever signed it.
func TestLineOf(t *testing.T) {
	text, err := receipt.New(7, []byte("a line"), nil, []byte("not signed"))
	if err != nil {
		t.Fatal(err)
	}
	if line, err := receipt.LineOf(text); err != nil || string(line) != "a line" {
		t.Errorf("%q, %v", line, err)
	}
	for n := range len(text) - len("not signed") {
		if line, err := receipt.LineOf(text[:n]); !errors.Is(err, receipt.ErrMalformed) || line != nil {
			t.Errorf("%d bytes: %q, %v", n, line, err)
		}
	}
}
