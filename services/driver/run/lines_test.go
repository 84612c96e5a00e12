package run_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sealpost/services/driver/drivertest"
)

// A standard output that is no terminal gets one line a file and nothing else.
func TestPrintsOneLineAFile(t *testing.T) {
	for print, want := range map[string]string{
		"auto": "0 alice a <ü>.txt 4 bytes 2",
		"line": "0 alice a <ü>.txt 4 bytes 2",
		"none": "",
	} {
		v := drivertest.NewVolume(t)
		e := v.Add("a <ü>.txt", []byte("text"))
		cfg := config(t, drivertest.Serve(t, v.Dir, nil))
		cfg.Print = print
		out, log, err := start(cfg)
		want = strings.Replace(want, "alice", e.Sender, 1)
		if err != nil || !strings.HasPrefix(out, want) || strings.Count(out, "\n") != min(len(want), 1) ||
			want == "" && out != "" {
			t.Errorf("%s: %q, %v", print, out, err)
		}
		if !strings.Contains(log, "1 file, ") {
			t.Errorf("%s: no summary in\n%s", print, log)
		}
	}
}

// With -json standard output is objects alone, whatever the setting says.
func TestPrintsObjects(t *testing.T) {
	v := drivertest.NewVolume(t)
	e := v.AddEnciphered("a <ü>.txt", []byte("text"), "secret")
	v.Add("gone.txt", nil)
	v.Remove("server_message1.txt")
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	cfg.AsJSON()
	out, _, err := start(cfg)
	if err == nil {
		t.Error("a missing file is no failure")
	}
	want := fmt.Sprintf(`{"number":0,"id":"%v","sender":"%s","name":"a <ü>.txt","cipher":"%s","size":4,"sha256":"%v",`+
		`"received_at":"%s","file":"server_message0.txt"}`,
		e.ID, e.Sender, e.Cipher, e.SHA256, e.ReceivedAt.UTC().Format("2006-01-02T15:04:05.999999999Z07:00"))
	lines := strings.Split(out, "\n")
	if len(lines) != 3 || lines[0] != want {
		t.Fatalf("%s\nwant %s", out, want)
	}
	var last struct {
		Summary struct {
			Files, New uint64
			Failures   []string
		}
	}
	if err := json.Unmarshal([]byte(lines[1]), &last); err != nil {
		t.Fatal(err)
	}
	if s := last.Summary; s.Files != 1 || s.New != 1 || len(s.Failures) != 1 ||
		s.Failures[0] != "message 1: server_message1.txt: missing on the server" {
		t.Errorf("%s", lines[1])
	}
}
