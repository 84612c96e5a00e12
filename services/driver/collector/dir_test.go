package collector_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
)

// TestLogFilesBelowTheRoot: manifest, checkpoint and log files come from one
// directory of a server that shows more, over all connections.
func TestLogFilesBelowTheRoot(t *testing.T) {
	v := sampleVolume(t, 30)
	v.PutCheckpoint(30)
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "sealpost"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(v.Dir, filepath.Join(root, "sealpost", "log files ü")); err != nil {
		t.Fatal(err)
	}
	v.Dir = filepath.Join(root, "sealpost", "log files ü")
	addr := drivertest.Serve(t, root, nil)
	for _, dir := range []string{"sealpost/log files ü", "/sealpost/log files ü/", "./sealpost//log files ü"} {
		cfg := config(t, addr)
		cfg.FTPDir = dir
		seen := watch(&cfg, 30)
		mustCollect(t, cfg)
		sameFiles(t, v, cfg.Dir)
		if string(seen.text) != v.SignCheckpoint(30) {
			t.Errorf("%s: checkpoint %q, %v", dir, seen.text, seen.err)
		}
	}
	cfg := config(t, addr)
	cfg.FTPDir = "sealpost/log"
	var connect *collector.ConnectError
	if _, _, err := collect(t, cfg); !errors.As(err, &connect) || connect.Dir != cfg.FTPDir {
		t.Errorf("a directory that is not there: %v", err)
	}
}

func TestCheckDir(t *testing.T) {
	for _, dir := range []string{"", "/", "logs", "/srv/sealpost/logs/", "a b", "..a/b..", "ü",
		strings.Repeat("x", 1024)} {
		if err := collector.CheckDir(dir); err != nil {
			t.Errorf("%q: %v", dir, err)
		}
	}
	for _, dir := range []string{
		"..", "../logs", "a/../b", "a/..", `a\..\b`, "a\r\nDELE x", "a\n", "a\r", "a\x00", "\x1b[2J", "\xff", "\u202e",
		strings.Repeat("x", 1025),
	} {
		if err := collector.CheckDir(dir); err == nil {
			t.Errorf("%q is allowed", dir)
		}
	}
}
