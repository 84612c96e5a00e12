package cli_test

import (
	"strings"
	"testing"

	"sealpost/services/driver/drivertest"
)

// TestAcceptLogbook: from the hint of the run that stops to one that is green.
func TestAcceptLogbook(t *testing.T) {
	v := drivertest.NewVolume(t)
	v.Add("a.txt", []byte("text"))
	v.PutCheckpoint(1)
	dir, old := t.TempDir(), v.Logbook
	env(t,
		"FTP_ADDR", drivertest.Serve(t, v.Dir, nil), "FTP_USER", drivertest.User, "FTP_PASSWORD", drivertest.Password,
		"FTP_TLS", "off", "OUTPUT_DIR", dir, "LOG_LEVEL", "error", "SERVER_IDENTITY", v.Pins().String(),
	)
	if status, _, errs := start(); status != 0 {
		t.Fatal(errs)
	}
	v.Logbook = "ff" + old[2:]
	v.PutCheckpoint(1)
	status, _, errs := start()
	want := "driver: the output directory knows logbook " + old + ", the server shows " + v.Logbook + "\n" +
		"driver: hint: if the server has a new logbook on purpose: driver -accept-logbook " + v.Logbook + ";"
	if status != 1 || !strings.Contains(errs, want) {
		t.Errorf("status %d:\n%s", status, errs)
	}
	status, out, errs := start("-accept-logbook", v.Logbook)
	if status != 0 || errs != "" ||
		out != dir+" knows logbook "+v.Logbook+" now, what was collected before: "+dir+"/former-"+old+"\n" {
		t.Errorf("status %d:\n%s%s", status, out, errs)
	}
	if status, out, errs := start(); status != 0 || !strings.Contains(out+errs, "1 new; checkpoint of 1 line verified") {
		t.Errorf("status %d:\n%s%s", status, out, errs)
	}
	for _, args := range [][]string{{"-accept-logbook"}, {"-accept-logbook", "x"}, {"-accept-logbook", old, old}} {
		if status, _, _ := start(args...); status != 2 {
			t.Errorf("%q: status %d", args, status)
		}
	}
}
