package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/client/cli"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/voice"
)

// receiptVectors are receipts of messages with the text "message <index>".
const receiptVectors = "../../../shared/crypto/receipt/testdata/receipts"

// TestVerifyVectors runs "client verify" on every vector of package receipt.
func TestVerifyVectors(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(receiptVectors, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	good := 0
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			header, body := readVector(t, file)
			path := filepath.Join(t.TempDir(), "message"+receipt.FileSuffix)
			if err := os.WriteFile(path, body, 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("CLIENT_SERVER_IDENTITY", header["pin"])
			var out, errs bytes.Buffer
			got := cli.Main(context.Background(), []string{"verify", path, "-"},
				voice.Streams{In: strings.NewReader("message " + header["index"]), Out: &out, Err: &errs})
			want := 1
			if header["expect"] == "success" && header["entry"] == "yes" {
				want, good = 0, good+1
			}
			if got != want || want == 0 && !strings.Contains(out.String(), "\ntree size   "+header["size"]+"\n") {
				t.Errorf("status %d, want %d\n%s%s", got, want, out.String(), errs.String())
			}
			if want != 0 && (out.Len() > 0 || !strings.HasPrefix(errs.String(), "client: ")) {
				t.Errorf("printed %q, %q", out.String(), errs.String())
			}
		})
	}
	if good == 0 {
		t.Error("no vector is good")
	}
}

func readVector(t *testing.T, file string) (header map[string]string, body []byte) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := bytes.Cut(data, []byte("\n\n"))
	header = make(map[string]string)
	for line := range strings.Lines(string(head)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		header[key] = value
	}
	return header, body
}
