package cli

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/courier"
	"sealpost/services/client/dial"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/token"
	"sealpost/shared/message"
)

// under is the server's program under a umask.
func under(t *testing.T, umask string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh",
		append([]string{"-c", `umask "$0"; exec server "$@"`, umask}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

// open returns a directory through which every user can go.
func open(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// wantModes checks what is below dir: the first rule fits whose path is that of
// the file or, with a slash at its end, of a directory that holds it.
func wantModes(t *testing.T, dir string, rules ...mode) {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, dir+"/")
		for _, r := range rules {
			if name != r.path && (!strings.HasSuffix(r.path, "/") || !strings.HasPrefix(name, r.path)) {
				continue
			}
			found[r.path] = true
			if info.Mode().Perm() != r.perm {
				t.Errorf("%s has mode %v, not %v", name, info.Mode().Perm(), r.perm)
			}
			return nil
		}
		t.Errorf("no rule for %s, %v", name, info.Mode())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		if !found[r.path] {
			t.Errorf("there is nothing at %s", r.path)
		}
	}
}

type mode struct {
	path string
	perm fs.FileMode
}

// TestModes: whatever the umask, the FTP server's user can read what is for it,
// and nobody else what is not.
func TestModes(t *testing.T) {
	t.Parallel()
	for _, umask := range []string{"077", "000"} {
		t.Run(umask, func(t *testing.T) {
			t.Parallel()
			dir := open(t)
			env := []string{"SERVER_DATA_DIR=" + dir + "/volumes/data", "SERVER_STATE_DIR=" + dir + "/state",
				"SERVER_LISTEN=127.0.0.1:0",
				"SERVER_ADMIN_LISTEN=127.0.0.1:0", "SERVER_2012_LISTEN=", "SERVER_LOG_FORMAT=json"}
			sender, err := under(t, umask, env, "sender", "add", "store-17").Output()
			if err != nil {
				t.Fatal(err)
			}
			server := under(t, umask, env)
			logs, err := server.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			deliver(t, listening(t, logs), string(sender), 0, 100, 100<<10)
			await(t, dir+"/volumes/data/logs/checkpoint")
			_ = server.Process.Kill()
			_ = server.Wait()
			wantModes(t, dir, mode{"volumes", 0o755}, mode{"volumes/data", 0o755}, mode{"volumes/data/logs", 0o755},
				mode{"volumes/data/logs/checkpoint", 0o644}, mode{"volumes/data/logs/", 0o644},
				mode{"volumes/data/staging", 0o700}, mode{"volumes/data/staging/", 0o600},
				mode{"state", 0o700}, mode{"state/", 0o600})
			readsAsAnother(t, dir+"/volumes/data/logs")
		})
	}
}

// listening waits for the server's address, and lets it log on.
func listening(t *testing.T, logs io.Reader) string {
	t.Helper()
	lines := bufio.NewScanner(logs)
	for lines.Scan() {
		var line struct{ Listen string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Listen != "" {
			go func() { _, _ = io.Copy(io.Discard, logs) }()
			return line.Listen
		}
	}
	t.Fatalf("the server did not start: %v", lines.Err())
	return ""
}

// await waits for a file.
func await(t *testing.T, path string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); ; {
		if _, err := os.Stat(path); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", path)
		}
	}
}

// deliver sends messages of these sizes with what `sender add` printed.
func deliver(t *testing.T, address, sender string, sizes ...int) {
	t.Helper()
	env := map[string]string{}
	for _, line := range strings.Fields(sender) {
		name, value, _ := strings.Cut(line, "=")
		env[name] = value
	}
	pins, err := identity.ParsePins(env["CLIENT_SERVER_IDENTITY"])
	if err != nil {
		t.Fatal(err)
	}
	tok, err := token.Parse(env["CLIENT_TOKEN"])
	if err != nil {
		t.Fatal(err)
	}
	c := courier.New(courier.Config{Servers: dial.One(address, pins.ClientTLS()),
		Token: tok, Pins: pins, Timeout: time.Minute,
		Log: zerolog.Nop()})
	defer func() { _ = c.Close() }()
	for _, size := range sizes {
		body := make([]byte, size)
		_, err := c.Deliver(t.Context(),
			courier.Message{ID: message.NewID(), Name: "a.bin", Cipher: message.None, Size: uint64(size),
				SHA256: sha256.Sum256(body),
				Open:   func() (io.ReadSeekCloser, error) { return courier.Unclosed(bytes.NewReader(body)), nil }})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// readsAsAnother reads every file as nobody, for which it takes root.
func readsAsAnother(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Log("not as root: the modes alone are looked at")
		return
	}
	const nobody = 65534
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `cd "$0" && ls && cat ./*`, dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("server_message2.txt\n")) {
		t.Errorf("another user cannot read the log files: %v, %.300s", err, out)
	}
}

// TestSetupModes is the same for what the set-up makes.
func TestSetupModes(t *testing.T) {
	t.Parallel()
	for _, umask := range []string{"077", "000"} {
		t.Run(umask, func(t *testing.T) {
			t.Parallel()
			dir := open(t)
			env := []string{"SETUP_OWNER="}
			for _, name := range []string{"DATA_DIR", "STATE_DIR", "CLIENT_SECRETS_DIR", "FTP_SECRETS_DIR",
				"DRIVER_SECRETS_DIR", "OUTBOX_DIR",
				"RECEIVED_DIR"} {
				env = append(env, "SETUP_"+name+"="+dir+"/"+name)
			}
			if out, err := under(t, umask, env, "setup").CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			wantModes(t, dir, mode{"DATA_DIR", 0o755}, mode{"DATA_DIR/logs", 0o755}, mode{"DATA_DIR/staging", 0o700},
				mode{"STATE_DIR", 0o700}, mode{"STATE_DIR/", 0o600}, mode{"CLIENT_SECRETS_DIR", 0o700},
				mode{"CLIENT_SECRETS_DIR/", 0o400},
				mode{"FTP_SECRETS_DIR", 0o700}, mode{"FTP_SECRETS_DIR/", 0o400}, mode{"DRIVER_SECRETS_DIR", 0o700},
				mode{"DRIVER_SECRETS_DIR/", 0o400},
				mode{"OUTBOX_DIR", 0o700}, mode{"OUTBOX_DIR/", 0o600}, mode{"RECEIVED_DIR", 0o755}, mode{"RECEIVED_DIR/", 0o644})
		})
	}
}
