package cli_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"sealpost/services/driver/drivertest"
)

// TestHandsOnToACommand that has blanks, a message whose name is a command, and
// settings that nobody must see.
func TestHandsOnToACommand(t *testing.T) {
	v := drivertest.NewVolume(t)
	v.Add("$(touch x); \"y", []byte("text"))
	dir := t.TempDir()
	script, told := filepath.Join(dir, "hook"), filepath.Join(dir, "told")
	text := "#!/bin/sh\necho \"$1 $SEALPOST_NUMBER $SEALPOST_NAME\" > \"$2\"\ncat \"$SEALPOST_MESSAGE\" >> \"$2\"\n" +
		"env | grep DRIVER_ >> \"$2\"\nprintf 'said \\033[31m\\n'\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	env(t,
		"FTP_ADDR", drivertest.Serve(t, v.Dir, nil), "FTP_USER", drivertest.User, "FTP_PASSWORD", drivertest.Password,
		"FTP_TLS", "off", "OUTPUT_DIR", filepath.Join(dir, "out"), "ON_FILE", script+" one "+told,
	)
	status, _, errs := start()
	got, err := os.ReadFile(told)
	if status != 0 || err != nil || string(got) != "one 0 $(touch x); \"y\ntext" {
		t.Errorf("status %d, %v, told %q:\n%s", status, err, got, errs)
	}
	if !strings.Contains(errs, `"messages":1,"failures":0,`) {
		t.Errorf("how many were handed on is not in the log:\n%s", errs)
	}
	if !strings.Contains(errs, `"said":"said \\x1b[31m"`) {
		t.Errorf("what it said is not in the log:\n%s", errs)
	}
}

// TestHandsOnToAnAddress that is busy: exit 1 with what to do, until it has taken the
// message or that is given up.
func TestHandsOnToAnAddress(t *testing.T) {
	v := drivertest.NewVolume(t)
	v.Add("a.txt", []byte("one"))
	v.Add("b.txt", []byte("two"))
	var busy atomic.Bool
	var got atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if busy.Load() {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		body, _ := io.ReadAll(r.Body)
		got.Store(r.Header.Get("ce-subject") + " " + string(body))
	}))
	defer s.Close()
	dir := t.TempDir()
	env(t,
		"FTP_ADDR", drivertest.Serve(t, v.Dir, nil), "FTP_USER", drivertest.User, "FTP_PASSWORD", drivertest.Password,
		"FTP_TLS", "off", "OUTPUT_DIR", dir, "LOG_LEVEL", "error",
		"ON_FILE_URL", strings.Replace(s.URL, "//", "//who:secret@", 1),
	)
	busy.Store(true)
	status, out, errs := start()
	if status != 1 || !strings.Contains(errs, "driver: message 0: not handed on, and none after it: failing since ") ||
		!strings.Contains(errs, `driver: hint: the next run tries it again; "driver -forget 0" passes over it`) ||
		!strings.Contains(errs, "answered with status 503") || !strings.Contains(out, "; 1 failure;") {
		t.Errorf("status %d, %s%s", status, out, errs)
	}
	if strings.Contains(errs, "secret") {
		t.Errorf("the password is in what it says:\n%s", errs)
	}
	if status, out, errs := start("-forget", "0"); status != 0 || out != "forgotten: 0\n" {
		t.Errorf("forget: status %d, %q, %q", status, out, errs)
	}
	busy.Store(false)
	if status, _, errs := start(); status != 0 || got.Load() != "b.txt two" {
		t.Errorf("status %d, got %v\n%s", status, got.Load(), errs)
	}
	// Number 0 is owed as what is to come once more.
	busy.Store(true)
	status, _, errs = start("-again", "0")
	if status != 1 || !strings.Contains(errs, "driver: message 0: owed, and not handed on: ") ||
		!strings.Contains(errs, `driver: hint: each run tries them again; "driver -forget 0" gives them up`) {
		t.Errorf("status %d\n%s", status, errs)
	}
	if status, out, errs := start("-forget", "0-5"); status != 0 || out != "forgotten: 0\n" {
		t.Errorf("forget: status %d, %q, %q", status, out, errs)
	}
	if status, _, errs := start(); status != 0 {
		t.Errorf("status %d\n%s", status, errs)
	}
	if err := os.WriteFile(filepath.Join(dir, "handed"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, _, errs := start(); status != 1 ||
		!strings.Contains(errs, "driver: "+filepath.Join(dir, "handed")+": it must hold") ||
		!strings.Contains(errs, "driver: hint: it holds the number that is handed on next") {
		t.Errorf("status %d\n%s", status, errs)
	}
}
