package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/driver/drivertest"
)

// TestForgetAndAgain: from the first run's hint to a run that is green, and back.
func TestForgetAndAgain(t *testing.T) {
	v := drivertest.NewVolume(t)
	for range 4 {
		v.Add("a.txt", []byte("text"))
	}
	v.Remove("server_message0.txt")
	v.Remove("server_message1.txt")
	dir := t.TempDir()
	env(t,
		"FTP_ADDR", drivertest.Serve(t, v.Dir, nil), "FTP_USER", drivertest.User, "FTP_PASSWORD", drivertest.Password,
		"FTP_TLS", "off", "OUTPUT_DIR", dir, "LOG_LEVEL", "error",
	)
	for range 2 {
		status, _, errs := start()
		if status != 1 || errs != "driver: 2 messages: 0-1: missing on the server\n"+
			"driver: hint: each run tries them again; "+
			"where they were removed on purpose, \"driver -forget 0-1\" gives them up; "+
			"with DRIVER_SERVER_IDENTITY those that the server has retired are passed over\n" {
			t.Errorf("status %d:\n%s", status, errs)
		}
	}
	if status, out, errs := start("-forget", "0-1"); status != 0 || out != "forgotten: 0-1\n" || errs != "" {
		t.Errorf("forget: status %d, %q, %q", status, out, errs)
	}
	if err := os.Remove(filepath.Join(dir, "server_message3.txt")); err != nil {
		t.Fatal(err)
	}
	if status, out, errs := start(); status != 0 ||
		!strings.Contains(out, "bytes, 0 new, 3 settled earlier and no longer here;") {
		t.Errorf("afterwards: status %d, %s%s", status, out, errs)
	}
	if status, out, errs := start("-again", "3"); status != 0 || !strings.Contains(out, "server_message3.txt") ||
		!strings.Contains(out, " 1 new,") {
		t.Errorf("again: status %d, %s%s", status, out, errs)
	}
}

func TestNumbersThatAreNot(t *testing.T) {
	dir := t.TempDir()
	env(t, "OUTPUT_DIR", dir)
	if status, _, errs := start("-forget", "0"); status != 1 ||
		!strings.Contains(errs, filepath.Join(dir, "manifest.jsonl")+": no such file") {
		t.Errorf("where nothing was collected: status %d, %s", status, errs)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.jsonl"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args   []string
		status int
		err    string
	}{
		{[]string{"-forget"}, 2, "takes one argument"},
		{[]string{"-again", "3", "4"}, 2, "takes one argument"},
		{[]string{"-again", "5-3"}, 2, `-again "5-3": must be a number`},
		{[]string{"-forget", "0"}, 1, "0: none of these numbers is owed"},
		{[]string{"-again", "0-3"}, 1, "0-3: the messages collected so far do not reach so far"},
	} {
		if status, out, errs := start(test.args...); status != test.status || out != "" || !strings.Contains(errs, test.err) {
			t.Errorf("%q: status %d, %q, %q", test.args, status, out, errs)
		}
	}
}
