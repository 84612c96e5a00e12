package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/driver/drivertest"
)

// TestExtract: the message comes out as it went in, and one that was changed after
// it was collected not at all.
func TestExtract(t *testing.T) {
	const text = "one\n\x00two\xff"
	v := drivertest.NewVolume(t)
	v.AddEnciphered("a.txt", []byte(text), "secret")
	path := filepath.Join(v.Dir, "server_message0.txt")
	env(t)
	if status, out, errs := start("extract", path); status != 0 || out != text || errs != "" {
		t.Errorf("status %d, %q, %q", status, out, errs)
	}
	target := filepath.Join(t.TempDir(), "a.txt")
	for want, says := range []string{"", "file already exists"} {
		status, out, errs := start("extract", path, "-o", target)
		if got, err := os.ReadFile(target); status != want || out != "" || !strings.Contains(errs, says) ||
			err != nil || string(got) != text {
			t.Errorf("-o: status %d, %q, %q, %q, %v", status, out, errs, got, err)
		}
	}
	alone := filepath.Join(t.TempDir(), "any name")
	if err := os.WriteFile(alone, v.Read("server_message0.txt"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, out, errs := start("extract", alone); status != 0 || out != text ||
		!strings.Contains(errs, "the form of the log file alone was checked") {
		t.Errorf("alone: status %d, %q, %q", status, out, errs)
	}
}

// A log file in a shard directory is checked against the manifest above.
func TestExtractFromShard(t *testing.T) {
	v := drivertest.NewVolume(t)
	v.Sharded = true
	e := v.Add("a.txt", []byte("AAAA"))
	path := filepath.Join(v.Dir, filepath.FromSlash(e.File))
	env(t)
	if status, out, errs := start("extract", path); status != 0 || out != "AAAA" || errs != "" {
		t.Errorf("status %d, %q, %q", status, out, errs)
	}
	v.Write(e.File, []byte(strings.Replace(string(v.Read(e.File)), "AAAA", "AAAB", 1)))
	if status, out, _ := start("extract", path); status != 1 || out != "" {
		t.Errorf("changed: status %d, %q", status, out)
	}
}

func TestExtractRefuses(t *testing.T) {
	v := drivertest.NewVolume(t)
	v.Add("a.txt", []byte("AAAA"))
	changed := strings.Replace(string(v.Read("server_message0.txt")), "AAAA", "AAAB", 1)
	v.Write("server_message0.txt", []byte(changed))
	v.Write("none", []byte("hello\n"))
	env(t)
	dir := t.TempDir()
	for _, test := range []struct {
		args   []string
		status int
		err    string
	}{
		{[]string{filepath.Join(v.Dir, "server_message0.txt")}, 1, "not the one that the manifest beside it names"},
		{[]string{filepath.Join(v.Dir, "server_message0.txt"), "-o", filepath.Join(dir, "x")}, 1, "not the one that"},
		{[]string{filepath.Join(v.Dir, "none")}, 1, "none: log file: the header is not one"},
		{[]string{filepath.Join(v.Dir, "absent")}, 1, "no such file"},
		{[]string{v.Dir}, 1, "not a regular file"},
		{nil, 2, "extract takes one argument"},
		{[]string{"a", "b"}, 2, "extract takes one argument"},
		{[]string{"a", "-o", ""}, 2, "-o needs the name"},
	} {
		status, out, errs := start(append([]string{"extract"}, test.args...)...)
		if status != test.status || out != "" || !strings.Contains(errs, test.err) {
			t.Errorf("%q: status %d, %q, %q", test.args, status, out, errs)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
