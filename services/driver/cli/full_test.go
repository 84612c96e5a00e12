package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/driver/cli"
	"sealpost/services/driver/drivertest"
	"sealpost/shared/voice"
)

// A result that cannot be printed is a failure of every command: a log file, the
// summary alone, the help, the one-machine run.
func TestNothingCanBePrinted(t *testing.T) {
	v := drivertest.NewVolume(t)
	collected := t.TempDir()
	env(t,
		"FTP_ADDR", drivertest.Serve(t, v.Dir, nil), "FTP_USER", drivertest.User, "FTP_PASSWORD", drivertest.Password,
		"FTP_TLS", "off", "OUTPUT_DIR", collected,
	)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	print := func(args ...string) {
		t.Helper()
		var errs bytes.Buffer
		status := cli.Main(context.Background(), args, voice.Streams{In: strings.NewReader(""), Out: full, Err: &errs})
		if status != 1 || !strings.Contains(errs.String(),
			"driver: the result could not be printed: write /dev/full: no space left on device\n") {
			t.Errorf("driver %q: status %d\n%s", args, status, errs.String())
		}
	}
	print("-h")
	print("local", "-h")
	print("version")
	print() // the summary of nothing
	v.Add("a.txt", []byte("one"))
	v.Add("b.txt", []byte("two"))
	print()
	// What was collected meanwhile stays so; the rest comes with the next run.
	var out, errs bytes.Buffer
	status := cli.Main(context.Background(), nil, voice.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	if status != 0 || !strings.Contains(out.String(), "2 files") {
		t.Errorf("the next run: status %d\n%s%s", status, out.String(), errs.String())
	}
	for _, name := range []string{"server_message0.txt", "server_message1.txt"} {
		if _, err := os.Stat(filepath.Join(collected, name)); err != nil {
			t.Error(err)
		}
	}
}
