package collector_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/shared/durable/durabletest"
	"sealpost/shared/logfile"
)

// The test binary collects by itself where these name a server and a directory.
const (
	addrEnv = "COLLECTOR_TEST_ADDR"
	dirEnv  = "COLLECTOR_TEST_DIR"
)

func TestMain(m *testing.M) {
	addr := os.Getenv(addrEnv)
	if addr == "" {
		os.Exit(m.Run())
	}
	result, err := collector.Collect(context.Background(), collector.Config{
		Addr: addr, User: drivertest.User, Password: drivertest.Password,
		Dir: os.Getenv(dirEnv), Backoff: time.Nanosecond, Connections: 1, Log: zerolog.Nop(),
		Each: func(collector.Item) error { return nil },
	})
	if err = errors.Join(append(result.Failures, err)...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestPowerCutEverywhere cuts the power after each operation of a run. A log
// file that has its name then is whole, a line that is kept has its file, and
// the next run brings all.
func TestPowerCutEverywhere(t *testing.T) {
	v := drivertest.NewVolume(t)
	v.AddEnciphered("one.txt", []byte(strings.Repeat("x", 107)), "secret")
	v.Add("empty.txt", nil)
	v.Add("two.txt", []byte("two"))
	addr := drivertest.Serve(t, v.Dir, nil)
	root := durabletest.MemoryDir(t)
	start := map[string][]byte{"out/": nil}
	durabletest.Put(t, root, start)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), addrEnv+"="+addr, dirEnv+"="+filepath.Join(root, "out"))
	cmd.Stderr = os.Stderr
	ops, status := durabletest.Trace(t, cmd, root)
	if status.ExitStatus() != 0 {
		t.Fatalf("status %v", status)
	}
	disk := durabletest.New(start)
	for n := range len(ops) + 1 {
		if n > 0 {
			disk.Apply(ops[n-1])
		}
		for _, w := range []durabletest.Weather{durabletest.Nothing, durabletest.Everything,
			durabletest.AtRandom(uint64(n), true), durabletest.AtRandom(uint64(n), false)} {
			left := disk.After(w)
			checkLeft(t, v, left)
			cfg := config(t, addr)
			cfg.Dir = durabletest.MemoryDir(t)
			durabletest.Put(t, cfg.Dir, left)
			cfg.Dir = filepath.Join(cfg.Dir, "out")
			if n < len(ops) {
				mustCollect(t, cfg)
			} else { // the last removal may not have come through; the next run makes it again
				_ = os.Remove(filepath.Join(cfg.Dir, "."+logfile.ManifestName+".new"))
			}
			sameFiles(t, v, cfg.Dir)
			if t.Failed() {
				t.Fatalf("that was after %d operations, %s survives", n, w.Name)
			}
		}
	}
	t.Logf("%d operations", len(ops))
}

// checkLeft looks at what a power cut left, before the next run.
func checkLeft(t *testing.T, v *drivertest.Volume, left map[string][]byte) {
	t.Helper()
	for _, e := range v.Entries {
		if text, ok := left["out/"+e.File]; ok && !bytes.Equal(text, v.Read(e.File)) {
			t.Errorf("%s has its name and %d bytes", e.File, len(text))
		}
	}
	kept := left["out/"+logfile.ManifestName]
	for i := range bytes.Count(kept, []byte("\n")) {
		name := logfile.FileName(uint64(i))
		if _, ok := left["out/"+name]; !ok {
			t.Errorf("line %d is kept, and %s is not there", i, name)
		}
	}
}
