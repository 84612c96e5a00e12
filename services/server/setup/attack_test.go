package setup

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"sealpost/shared/durable/durabletest"
)

// The test binary exchanges names by itself where this names a directory.
const (
	raceEnv = "SETUP_TEST_RACE"
	victim  = "victim" // what the links point to, beside the directory
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(raceEnv); dir != "" {
		exchange(dir)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// asRoot skips a test that takes two users.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root has something that others may not have")
	}
}

// private makes a file that nobody but root may read, on the volumes' file system.
func private(t *testing.T, config Config) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(config.DataDir), victim)
	if err := os.WriteFile(path, []byte("root's own secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// untouched checks that the file is root's alone, with the bytes that it had.
func untouched(t *testing.T, path string) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t); info.Mode().Perm() != 0o600 || owner.Uid != 0 || owner.Gid != 0 {
		t.Errorf("mode %v, owner %d:%d", info.Mode().Perm(), owner.Uid, owner.Gid)
	}
	if read(t, path) != "root's own secret\n" {
		t.Error("its bytes were changed")
	}
}

// links are the two ways to have one's name lead to another's file.
var links = map[string]func(from, to string) error{"symbolic": os.Symlink, "hard": os.Link}

// TestPlantedSecretIsNotHandedOut: who may write into a volume puts a link where
// the set-up, as root, reads a secret back and writes it again for them.
func TestPlantedSecretIsNotHandedOut(t *testing.T) {
	asRoot(t)
	for kind, link := range links {
		for _, name := range []string{"client/password", "client/token", "ftp/password", "ftp/cert.pem", "ftp/key.pem"} {
			t.Run(kind+" "+name, func(t *testing.T) {
				config := emptyVolumes(t)
				path := private(t, config)
				if err := link(path, filepath.Join(filepath.Dir(path), name)); err != nil {
					t.Fatal(err)
				}
				if err := Run(config, zerolog.Nop()); err == nil {
					t.Error("a link was taken")
				}
				untouched(t, path)
				nowhere(t, config, "root's own secret")
			})
		}
	}
}

// nowhere checks that no volume has a file of its own with that text.
func nowhere(t *testing.T, config Config, text string) {
	t.Helper()
	for _, dir := range []string{config.StateDir, config.ClientSecretsDir, config.FTPSecretsDir, config.DriverSecretsDir} {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() && info.Sys().(*syscall.Stat_t).Nlink == 1 &&
				strings.Contains(read(t, path), text) {
				t.Errorf("%s holds it", path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestPlantedStateIsNotGivenAway: the state's reader puts names of root's files
// there, and the set-up gives what is there to the reader.
func TestPlantedStateIsNotGivenAway(t *testing.T) {
	asRoot(t)
	for _, name := range []string{"lock", "note"} {
		for kind, link := range links {
			t.Run(kind+" "+name, func(t *testing.T) {
				config := emptyVolumes(t)
				if err := os.Chown(config.StateDir, 65532, 65532); err != nil {
					t.Fatal(err)
				}
				path := private(t, config)
				if err := link(path, filepath.Join(config.StateDir, name)); err != nil {
					t.Fatal(err)
				}
				_ = Run(config, zerolog.Nop()) // whether it can go on is another matter
				untouched(t, path)
			})
		}
	}
}

// rounds is how often the directories are made against the one who exchanges them.
const rounds = 2000

// TestExchangedDirectories: the reader of the log volume, another user, puts links
// to root's file in the place of directories that the set-up is just making.
func TestExchangedDirectories(t *testing.T) {
	asRoot(t)
	config := configIn(t, durabletest.MemoryDir(t))
	path := private(t, config)
	stop := startExchange(t, config.DataDir)
	defer stop()
	taken := 0
	for range rounds {
		r := run{Config: config, log: zerolog.Nop()}
		if r.directories() != nil { // something else was in its way
			taken++
		}
		r.close()
		if untouched(t, path); t.Failed() {
			break
		}
	}
	t.Logf("%d of %d rounds found an exchanged directory", taken, rounds)
}

// startExchange starts the other user and returns what ends them.
func startExchange(t *testing.T, dir string) (stop func()) {
	t.Helper()
	// The other user may enter the directories that the links lead through.
	for _, above := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(above, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	open, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	cmd := exec.Command("/proc/self/fd/4") // where others may not enter the build's directory
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), raceEnv+"=/proc/self/fd/3", "GORACE=atexit_sleep_ms=0")
	cmd.ExtraFiles = []*os.File{open, self}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, 6)); err != nil {
		t.Fatalf("the other user did not begin: %v", err)
	}
	return func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// exchange is the other user: until its input ends it takes the directories away
// and puts links in their place.
func exchange(dir string) {
	if err := os.Chdir(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	fmt.Println("ready")
	for {
		for _, name := range []string{"logs", "staging"} {
			if syscall.Rmdir(name) == nil && os.Symlink("../"+victim, name) == nil {
				for range 100 { // while the set-up goes on with what it made
					_, _ = os.Readlink(name)
				}
				_ = os.Remove(name)
			}
		}
		select {
		case <-ended:
			return
		default:
		}
	}
}
