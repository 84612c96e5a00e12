package daemon_test

import (
	"os"
	"path/filepath"
	"testing"

	"sealpost/services/server/daemon"
)

// Directories that were confused are found before anything is made in them.
func TestCheckDirs(t *testing.T) {
	dir := t.TempDir()
	at := func(elem ...string) string { return filepath.Join(append([]string{dir}, elem...)...) }
	for _, d := range []string{at("data", "staging"), at("data", "logs"), at("state"), at("empty"),
		at("both", "staging"), at("fresh")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{at("state"), at("both"), at("fresh")} {
		if err := os.WriteFile(filepath.Join(d, "identity.pem"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(at("data", "logs"), at("link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		data, state, bad string
	}{
		{at("data"), at("state"), ""},
		{at("none"), at("none2"), ""},
		{at("empty"), at("state"), ""},
		{at("data"), at("empty"), ""},
		{at("both"), at("both"), ""},
		{at("fresh"), at("fresh", "."), ""},
		{at("none"), at("none"), ""},
		{at("data"), at("data", "state"), ""},
		{at("state"), at("data"), "SERVER_DATA_DIR"},
		{at("state"), at("empty"), "SERVER_DATA_DIR"},
		{at("empty"), at("data"), "SERVER_STATE_DIR"},
		{at("data"), at("data", "logs"), "SERVER_STATE_DIR"},
		{at("data"), at("data", "staging", "state"), "SERVER_STATE_DIR"},
		{at("data"), at("link"), "SERVER_STATE_DIR"},
		{at("none"), at("none", "logs", "state"), "SERVER_STATE_DIR"},
	} {
		bad := ""
		for _, p := range daemon.CheckDirs(c.data, c.state) {
			bad += p.Name
		}
		if bad != c.bad {
			t.Errorf("data %s, state %s: %q, want %q", c.data, c.state, bad, c.bad)
		}
	}
}
