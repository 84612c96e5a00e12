package durable

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// lockFileVariable names the lock that the test binary, run again, takes and
// holds until its standard input ends.
const lockFileVariable = "DURABLE_TEST_LOCK"

func TestMain(m *testing.M) {
	path := os.Getenv(lockFileVariable)
	if path == "" {
		os.Exit(m.Run())
	}
	if _, err := Lock(path); err != nil {
		os.Exit(1)
	}
	os.Stdout.WriteString("locked\n")
	io.Copy(io.Discard, os.Stdin)
}

// holder starts a process that holds the lock.
func holder(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), lockFileVariable+"="+path)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "locked\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	return cmd
}

func TestLockDiesWithItsHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	other := holder(t, path)
	if _, err := TryLock(path); !errors.Is(err, ErrLocked) {
		t.Fatalf("beside another process: error %v, want ErrLocked", err)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	lock, err := Lock(path) // waits for the kernel to clean up after the dead
	if err != nil {
		t.Fatal(err)
	}
	if !lock.Holds(path) {
		t.Error("the lock is not on the file at the path")
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
	again, err := TryLock(path)
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	again.Close()
}

// Without the lock, some of the additions get lost.
func TestLockExcludesWithinAProcess(t *testing.T) {
	const workers, rounds = 8, 25
	dir := t.TempDir()
	counter, path := filepath.Join(dir, "counter"), filepath.Join(dir, "lock")
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range rounds {
				if err := addOne(path, counter); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	got, err := os.ReadFile(counter)
	if err != nil || len(got) != workers*rounds {
		t.Errorf("counted %d, error %v, want %d", len(got), err, workers*rounds)
	}
}

func addOne(path, counter string) error {
	lock, err := Lock(path)
	if err != nil {
		return err
	}
	defer lock.Close()
	old, err := os.ReadFile(counter)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(counter, append(old, 'x'), 0o600)
}

func TestHolds(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lock")
	lock, err := TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if lock.Holds(path) {
		t.Error("holds a file that was removed")
	}
	second, err := TryLock(path)
	if err != nil {
		t.Fatalf("a new file at the path: %v", err)
	}
	defer second.Close()
	if lock.Holds(path) || !second.Holds(path) {
		t.Error("the lock on the old file counts for the new one")
	}
}

func TestLockElsewhere(t *testing.T) {
	dir := t.TempDir()
	if _, err := Lock(filepath.Join(dir, "missing", "lock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: error %v", err)
	}
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(link); err == nil {
		t.Error("followed a symbolic link")
	}
	if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("made what the link points to: %v", err)
	}
}

// TestLockOfWhatIsThere makes no file, and takes the lock that others know.
func TestLockOfWhatIsThere(t *testing.T) {
	d, _ := open(t)
	if _, err := d.TryLockThere("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := d.Lstat("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
	held, err := d.TryLockThere("file")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.TryLock("file"); !errors.Is(err, ErrLocked) {
		t.Errorf("beside it: %v", err)
	}
	_ = held.Close()
	if _, err := d.TryLockThere("link"); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a link: %v", err)
	}
}
