package python

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/driver/drivertest"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

// TestServerIsAudited: what a real server kept, with its own checkpoint and the
// receipts that the client wrote.
func TestServerIsAudited(t *testing.T) {
	server := serve(t)
	receipts := t.TempDir()
	path := writeFile(t, "report.txt", []byte("two barges in, one out\n"))
	for _, env := range []map[string]string{server.env, server.with("CLIENT_PASSWORD", "harbour")} {
		if _, stderr, status := python(t, env, send, "--receipts", receipts, path, path); status != 0 {
			t.Fatalf("status %d\n%s", status, stderr)
		}
	}
	pin := map[string]string{"CLIENT_SERVER_IDENTITY": server.env["CLIENT_SERVER_IDENTITY"]}
	logs := filepath.Join(server.dir, "logs")
	stdout, stderr, status := python(t, pin, "audit.py", "--receipts", receipts, logs)
	if status != 0 || !strings.HasPrefix(stdout, "4 lines, 4 of them vouched for; 4 log files and 4 receipts") {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
	for seq, line := range server.manifest(t) {
		entry, _ := server.kept(t, seq)
		receiptPath := filepath.Join(receipts, entry.ID.String()+receipt.FileSuffix)
		stdout, stderr, status := python(t, pin, "check_receipt.py", receiptPath, path)
		if status != 0 || !strings.HasPrefix(stdout, line+"\nline ") {
			t.Errorf("receipt %d: status %d\n%s%s", seq, status, stdout, stderr)
		}
		checkForgeries(t, pin, receiptPath)
	}
	if err := os.Truncate(filepath.Join(logs, logfile.FileName(2)), 10); err != nil {
		t.Fatal(err)
	}
	if _, stderr, status := python(t, pin, "audit.py", logs); status != 1 ||
		!strings.Contains(stderr, "line 2: server_message2.txt is altered") {
		t.Errorf("a cut file: status %d\n%s", status, stderr)
	}
}

// checkForgeries changes a true receipt in each of the ways that it can fail.
func checkForgeries(t *testing.T, pin map[string]string, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := drivertest.NewIdentity(t).VerifierKey("sealpost/other")
	for name, test := range map[string]struct {
		pin, text, says string
		with            []string
	}{
		"another pin": {other, string(text), "signature:", nil},
		"another message": {pin["CLIENT_SERVER_IDENTITY"], string(text), "foreign:",
			[]string{writeFile(t, "other", []byte("other"))}},
		"a byte more": {pin["CLIENT_SERVER_IDENTITY"], string(text) + "\n", "malformed:", nil},
		"another index": {pin["CLIENT_SERVER_IDENTITY"],
			strings.Replace(string(text), "\nindex ", "\nindex 7", 1), "proof:", nil},
		"no receipt": {pin["CLIENT_SERVER_IDENTITY"], "", "malformed:", nil},
	} {
		changed := writeFile(t, "changed"+receipt.FileSuffix, []byte(test.text))
		stdout, stderr, status := python(t, map[string]string{"CLIENT_SERVER_IDENTITY": test.pin}, "check_receipt.py",
			append([]string{changed}, test.with...)...)
		if status != 1 || stdout != "" || !strings.HasPrefix(stderr, "check_receipt.py: "+test.says) {
			t.Errorf("%s: status %d\n%s%s", name, status, stdout, stderr)
		}
	}
}
