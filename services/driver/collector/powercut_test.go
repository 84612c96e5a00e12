package collector_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
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
	addrEnv  = "COLLECTOR_TEST_ADDR"
	dirEnv   = "COLLECTOR_TEST_DIR"
	umaskEnv = "COLLECTOR_TEST_UMASK" // any value: 077
	smallEnv = "COLLECTOR_TEST_SMALL" // any value: no file of more than 64 KiB can be written
	partsEnv = "COLLECTOR_TEST_PARTS" // any value: also small files come into temporary files
)

func TestMain(m *testing.M) {
	logfile.SetShardFiles(2) // so that few files cross from one directory to the next
	addr := os.Getenv(addrEnv)
	if addr == "" {
		os.Exit(m.Run())
	}
	if os.Getenv(umaskEnv) != "" {
		syscall.Umask(0o077)
	}
	if os.Getenv(smallEnv) != "" {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 64 << 10, Max: 64 << 10}); err != nil {
			panic(err)
		}
	}
	cfg := collector.Config{
		Addr: addr, User: drivertest.User, Password: drivertest.Password,
		Dir: os.Getenv(dirEnv), Backoff: time.Nanosecond, Connections: 1, Log: zerolog.Nop(),
		Each: func(collector.Item) error { return nil },
	}
	if os.Getenv(partsEnv) != "" {
		cfg.MaxInMemory = -1
	}
	if os.Getenv(umaskEnv) != "" {
		cfg.Opened = func(out *collector.Output) {
			if err := out.WriteFile("checkpoint", []byte("signed")); err != nil {
				panic(err)
			}
		}
	}
	result, err := collector.Collect(context.Background(), cfg)
	if err = errors.Join(append(result.Failures, err)...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestPowerCutEverywhere cuts the power after each operation of a run. A log
// file that has its name then is whole, a line that is kept has its file or its
// number is owed, and the next run brings all, also where the files that were
// there have been taken away before it.
func TestPowerCutEverywhere(t *testing.T) {
	for _, test := range []struct {
		name    string
		collect bool // an earlier run collected all but number 1
		missing bool // number 1 is missing in the run whose power is cut
		sharded bool // number 2 lies in another directory than the others
		parts   bool // the files come into temporary files, not into memory
	}{
		{name: "all come"},
		{name: "all come into temporary files", parts: true},
		{name: "all come into shard directories", sharded: true},
		{name: "one that was missing comes into its shard directory", collect: true, sharded: true},
		{name: "one is missing", missing: true},
		{name: "one that was missing comes", collect: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := drivertest.NewVolume(t)
			v.Sharded = test.sharded
			v.AddEnciphered("one.txt", []byte(strings.Repeat("x", 107)), "secret")
			v.Add("empty.txt", nil)
			v.Add("two.txt", []byte("two"))
			late := v.Read(v.Entries[1].File)
			cfg := config(t, drivertest.Serve(t, v.Dir, nil))
			start := map[string][]byte{"out/": nil}
			if test.collect {
				v.Remove(v.Entries[1].File)
				_, result, err := collect(t, cfg)
				_ = onlyFailure(t, result, err)
				start = map[string][]byte{}
				for name, text := range durabletest.Get(t, cfg.Dir) {
					start["out/"+name] = text
				}
				v.Write(v.Entries[1].File, late)
			}
			if test.missing {
				v.Remove(v.Entries[1].File)
			}
			var env []string
			if test.parts {
				env = []string{partsEnv + "=1"}
			}
			ops := traceRun(t, cfg.Addr, start, test.missing, env...)
			v.Write(v.Entries[1].File, late)
			cutEverywhere(t, v, cfg.Addr, start, ops)
		})
	}
}

// traceRun returns what a run does in a directory that holds start.
func traceRun(t *testing.T, addr string, start map[string][]byte, fails bool, env ...string) []durabletest.Op {
	t.Helper()
	root := durabletest.MemoryDir(t)
	durabletest.Put(t, root, start)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), addrEnv+"="+addr, dirEnv+"="+filepath.Join(root, "out")), env...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	ops, status := durabletest.Trace(t, cmd, root)
	if failed := status.ExitStatus() != 0; failed != fails {
		t.Fatalf("status %v: %s", status, errs.String())
	}
	t.Logf("%d operations", len(ops))
	return ops
}

func cutEverywhere(t *testing.T, v *drivertest.Volume, addr string, start map[string][]byte, ops []durabletest.Op) {
	t.Helper()
	disk := durabletest.New(start)
	for n := range len(ops) + 1 {
		if n > 0 {
			disk.Apply(ops[n-1])
		}
		for _, w := range []durabletest.Survival{durabletest.Nothing, durabletest.Everything,
			durabletest.AtRandom(uint64(n), true), durabletest.AtRandom(uint64(n), false)} {
			left := disk.After(w)
			checkLeft(t, v, left)
			if n == len(ops) {
				checkReached(t, v, left)
			}
			goOn(t, v, addr, left, false)
			goOn(t, v, addr, left, true)
			if t.Failed() {
				t.Fatalf("that was after %d operations, %s survives", n, w.Name)
			}
		}
	}
}

// goOn is the next run. With taken the log files were taken away before it.
func goOn(t *testing.T, v *drivertest.Volume, addr string, left map[string][]byte, taken bool) {
	t.Helper()
	cfg := config(t, addr)
	root := durabletest.MemoryDir(t)
	defer os.RemoveAll(root)
	durabletest.Put(t, root, left)
	cfg.Dir = filepath.Join(root, "out")
	away := map[string][]byte{}
	for _, e := range v.Entries {
		if text, ok := left["out/"+e.File]; ok && taken {
			away[e.File] = text
			if err := os.Remove(filepath.Join(cfg.Dir, e.File)); err != nil {
				t.Fatal(err)
			}
		}
	}
	mustCollect(t, cfg)
	for name, text := range away { // one that came again is as good
		if _, err := os.Lstat(filepath.Join(cfg.Dir, name)); errors.Is(err, os.ErrNotExist) {
			durabletest.Put(t, cfg.Dir, map[string][]byte{name: text})
		}
	}
	// What a replaced file was written under may stay, where no name shows it.
	temporary, err := filepath.Glob(filepath.Join(cfg.Dir, ".tmp-*"))
	for _, path := range temporary {
		err = errors.Join(err, os.Remove(path))
	}
	if err != nil {
		t.Fatal(err)
	}
	sameFiles(t, v, cfg.Dir)
}

// checkReached: what a run that has ended collected stays collected, wherever the
// files are taken.
func checkReached(t *testing.T, v *drivertest.Volume, left map[string][]byte) {
	t.Helper()
	if lines := bytes.Count(left["out/"+logfile.ManifestName], []byte("\n")); lines != len(v.Entries) {
		t.Errorf("the run ended, and %d lines of %d are kept", lines, len(v.Entries))
	}
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
		name := v.Entries[i].File
		_, there := left["out/"+name]
		if owed := strings.Contains("\n"+string(left["out/owed"]), fmt.Sprintf("\n%d\n", i)); !there && !owed {
			t.Errorf("line %d is kept, and %s is neither there nor owed", i, name)
		}
	}
}
