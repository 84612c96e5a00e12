package onemachine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	client "sealpost/services/client/cli"
	"sealpost/services/driver/onemachine"
	"sealpost/services/driver/receipts"
	"sealpost/services/driver/run"
	"sealpost/shared/demo"
	"sealpost/shared/logfile"
	"sealpost/shared/voice"
)

// What the test binary does when it is started as a client.
const (
	asClient = "client-process"
	asFailed = "failing-client-process"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case asClient:
			os.Exit(client.Main(context.Background(), os.Args[2:], voice.Standard()))
		case asFailed:
			os.Exit(4)
		}
	}
	// The clients, if race-enabled, else wait a second before they exit.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func start(t *testing.T, dir, as string) (out, errs string, err error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var o, e bytes.Buffer
	err = onemachine.Run(context.Background(), onemachine.Options{Dir: dir, Client: []string{self, as}, Out: &o, Err: &e})
	return o.String(), e.String(), err
}

func TestDeliversAndCollectsTheSix(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kept")
	for round := range 2 {
		out, errs, err := start(t, dir, asClient)
		if err != nil {
			t.Fatalf("round %d: %v\n%s", round, err, errs)
		}
		if n := strings.Count(out, "\nFile name: server_message"); n != 6 {
			t.Errorf("round %d: %d files printed:\n%s", round, n, out)
		}
		if want := fmt.Sprintf("; checkpoint of %d lines verified;", 6*(round+1)); !strings.Contains(out, want) {
			t.Errorf("round %d: %q is not in:\n%s", round, want, out[strings.LastIndex(out, "----"):])
		}
		for _, word := range []string{"client-1 | ", "client-6 | ", "server   | ", "downloading logs with FTP", "finished"} {
			if !strings.Contains(errs, word) {
				t.Errorf("round %d: %q is not in the log:\n%s", round, word, errs)
			}
		}
		received(t, filepath.Join(dir, "received"), 6*round)
	}
}

// received checks that the six log files from number first on hold the six
// messages, each once.
func received(t *testing.T, dir string, first int) {
	t.Helper()
	messages, err := demo.Messages()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, m := range messages {
		want[m.Name] = string(m.Body)
	}
	for seq := first; seq < first+6; seq++ {
		data, err := os.ReadFile(filepath.Join(dir, logfile.FileName(uint64(seq))))
		if err != nil {
			t.Fatal(err)
		}
		f, err := logfile.Parse(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(f.Plain())
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := want[f.Name]; !ok || text != string(body) {
			t.Errorf("message %d: %q is not what was sent, or came twice", seq, f.Name)
		}
		delete(want, f.Name)
	}
}

func TestClientsThatFail(t *testing.T) {
	_, _, err := start(t, "", asFailed)
	var failed *run.FailedError
	var one *onemachine.ClientError
	var unsent *receipts.UnsentError
	if !errors.As(err, &failed) || !errors.As(err, &one) || !errors.As(err, &unsent) || !errors.Is(err, receipts.ErrNone) {
		t.Fatalf("%v", err)
	}
	if len(failed.Failures) != onemachine.Clients+2 || len(unsent.Waiting) != 6 {
		t.Errorf("%v", err)
	}
}

func TestEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	err = onemachine.Run(ctx, onemachine.Options{Client: []string{self, asClient}, Out: io.Discard, Err: io.Discard})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
