package daemon_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/daemon"
	"sealpost/services/server/state"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/token"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
	"sealpost/shared/settings"
)

// script is a client in another language, written from docs/PROTOCOL.md.
const script = "../../../docs/examples/python/send.py"

// python runs the script and returns what it printed and its exit status.
func python(t *testing.T, env map[string]string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	interpreter, err := exec.LookPath("python3")
	if err != nil {
		t.Fatalf("this test needs python3: %v", err)
	}
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(t.Context(), interpreter, append([]string{"-I", "-S", "-B", script}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &complaints
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "PYTHONUTF8=1"}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var failed *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return out.String(), complaints.String(), cmd.ProcessState.ExitCode()
}

// running is a server of this process, and what a client's env file says of it.
type running struct {
	dir  string
	env  map[string]string
	logs func() string
}

const largestForPython = 1 << 20

func serveForPython(t *testing.T) *running {
	t.Helper()
	dir := t.TempDir()
	st, err := state.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := st.AddSender("store-17")
	if err != nil {
		t.Fatal(err)
	}
	cfg := daemon.Config{
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0",
		DataDir: dir, StateDir: filepath.Join(dir, "state"),
		MaxMessageBytes: settings.Bytes(largestForPython), MaxStagedBytes: 1 << 30, LogCiphertextMax: 1 << 20,
		DrainTimeout: 5 * time.Second,
	}
	var logs lockedBuffer
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, cfg, zerolog.New(&logs), daemon.Options{
			OnListen: func(sealpost, _, _ net.Addr) { ready <- sealpost.String() }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case address := <-ready:
		return &running{dir: dir, logs: logs.String, env: map[string]string{
			"CLIENT_SERVER": address, "CLIENT_TOKEN": tok.Reveal(),
			"CLIENT_SERVER_IDENTITY": st.Identity().VerifierKey(receipt.Origin(st.LogbookID())),
		}}
	case err := <-ended:
		ended <- err
		t.Fatalf("the server did not start: %v", err)
		return nil
	}
}

// with returns the server's env file with one value changed.
func (r *running) with(name, value string) map[string]string {
	env := map[string]string{name: value}
	for k, v := range r.env {
		if k != name {
			env[k] = v
		}
	}
	return env
}

// manifest returns the manifest's lines.
func (r *running) manifest(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "logs", logfile.ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func writeFile(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPythonClient(t *testing.T) {
	server := serveForPython(t)
	large := make([]byte, 700_000) // more than the window, no multiple of a record
	rand.Read(large)
	for i, test := range []struct {
		name    string
		content []byte
	}{
		{"report.txt", []byte("two barges in, one out\n")},
		{"empty.txt", nil},
		{"Büro отчёт 報告.txt", []byte("Grüße\r\n")},
		{"window.bin", large[:256<<10]},
		{"window-plus-one.bin", large[:256<<10+1]},
		{"large.bin", large},
	} {
		t.Run(test.name, func(t *testing.T) {
			stdout, stderr, status := python(t, server.env, writeFile(t, test.name, test.content))
			lines := server.manifest(t)
			if status != 0 || stderr != "" || len(lines) != i+1 || stdout != lines[i]+"\n" {
				t.Fatalf("status %d\n%s%smanifest:\n%s", status, stderr, stdout, strings.Join(lines, "\n"))
			}
			entry, err := logfile.ParseLine([]byte(lines[i]))
			if err != nil {
				t.Fatal(err)
			}
			if entry.Sender != "store-17" || entry.Name != test.name || entry.Cipher != message.None || entry.Size != uint64(len(test.content)) {
				t.Errorf("entry %+v", entry)
			}
			if got := readLogFile(t, filepath.Join(server.dir, "logs", entry.File)); !bytes.Equal(got, test.content) {
				t.Errorf("the log file holds %d other bytes", len(got))
			}
		})
	}
	if logs := server.logs(); strings.Contains(logs, "connection lost") || strings.Contains(logs, server.env["CLIENT_TOKEN"]) {
		t.Errorf("log:\n%s", logs)
	}
}

func readLogFile(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := logfile.Parse(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(parsed.Plain())
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// TestPythonRepeat: the same id again gets the first answer, also where the body
// is longer than the window and so never sent.
func TestPythonRepeat(t *testing.T) {
	server := serveForPython(t)
	for i, size := range []int{10, 600_000} {
		path, id := writeFile(t, "again.bin", make([]byte, size)), message.NewID().String()
		first, stderr, status := python(t, server.env, path, id)
		if status != 0 {
			t.Fatalf("status %d: %s", status, stderr)
		}
		second, stderr, status := python(t, server.env, path, id)
		if status != 0 || second != first || len(server.manifest(t)) != i+1 {
			t.Errorf("status %d: %s\n%s%s", status, stderr, first, second)
		}
		_, stderr, status = python(t, server.env, writeFile(t, "again.bin", []byte("other")), id)
		if status != 3 || !strings.Contains(stderr, "0x0103") {
			t.Errorf("other content under the same id: status %d: %s", status, stderr)
		}
	}
}

func TestPythonRefused(t *testing.T) {
	server := serveForPython(t)
	other, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	otherPin := other.VerifierKey("sealpost/other")
	wrong, err := token.New("store-17")
	if err != nil {
		t.Fatal(err)
	}
	small := writeFile(t, "a.txt", []byte("text"))
	nobody := closedPort(t)
	for name, test := range map[string]struct {
		env    map[string]string
		args   []string
		status int
		says   string
	}{
		"wrong pin":       {server.with("CLIENT_SERVER_IDENTITY", otherPin), []string{small}, 3, "expected one of"},
		"wrong token":     {server.with("CLIENT_TOKEN", wrong.Reveal()), []string{small}, 3, "0x0302"},
		"no token at all": {server.with("CLIENT_TOKEN", "hello"), []string{small}, 3, "0x0302"},
		"too large":       {server.env, []string{writeFile(t, "big", make([]byte, largestForPython+1))}, 3, "0x0101"},
		"bad name":        {server.env, []string{writeFile(t, "a\nb", []byte("text"))}, 3, "0x0102"},
		"no server":       {server.with("CLIENT_SERVER", nobody), []string{small}, 4, "again: send.py"},
		"no file":         {server.env, []string{small + ".gone"}, 1, "No such file"},
		"no arguments":    {server.env, nil, 2, "usage:"},
		"half an id":      {server.env, []string{small, "0011"}, 2, "32 hex digits"},
		"no pin":          {server.with("CLIENT_SERVER_IDENTITY", ""), []string{small}, 2, "usage:"},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, status := python(t, test.env, test.args...)
			if status != test.status || stdout != "" || !strings.Contains(stderr, test.says) {
				t.Errorf("status %d, want %d\n%s%s", status, test.status, stderr, stdout)
			}
			if strings.Contains(stderr, test.env["CLIENT_TOKEN"]) {
				t.Errorf("the token is shown: %s", stderr)
			}
		})
	}
	if _, stderr, status := python(t, server.with("CLIENT_SERVER_IDENTITY", otherPin+", "+server.env["CLIENT_SERVER_IDENTITY"]), small); status != 0 {
		t.Errorf("the second of two pins: status %d: %s", status, stderr)
	}
	if lines := server.manifest(t); len(lines) != 1 {
		t.Errorf("%d messages were kept, want 1", len(lines))
	}
}

// closedPort returns an address that nothing listens on.
func closedPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
