package python

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sealpost/shared/logfile"
)

// patience is how long an event may take that must come; nothing is judged by it.
const patience = 2 * time.Minute

// server is a server process with one sender, "store-17".
type server struct {
	dir      string
	env      map[string]string // what the sender's env file says, and where the server is
	wire2012 string
	log      string // a file
}

const (
	sender  = "store-17"
	largest = 16 << 20
)

// serve starts a server process, which ends with the test.
func serve(t *testing.T) *server {
	t.Helper()
	pythonOf(t)
	dir := t.TempDir()
	listen, admin := address(t), address(t)
	s := &server{dir: filepath.Join(dir, "data"), wire2012: address(t), log: filepath.Join(dir, "server.log")}
	env := append(os.Environ(), "SERVER_LISTEN="+listen, "SERVER_2012_LISTEN="+s.wire2012, "SERVER_ADMIN_LISTEN="+admin,
		"SERVER_DATA_DIR="+s.dir, "SERVER_STATE_DIR="+filepath.Join(dir, "state"),
		fmt.Sprintf("SERVER_MAX_MESSAGE_BYTES=%d", largest))
	for _, made := range []string{s.dir, filepath.Join(dir, "state")} {
		if err := os.Mkdir(made, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.env = map[string]string{"CLIENT_SERVER": listen}
	add := exec.CommandContext(t.Context(), serverProgram, "sender", "add", sender)
	add.Env = env
	out, err := add.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Fields(string(out)) {
		name, value, _ := strings.Cut(line, "=")
		s.env[name] = value
	}
	s.start(t, env, admin)
	return s
}

func (s *server) start(t *testing.T, env []string, admin string) {
	t.Helper()
	log, err := os.Create(s.log)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(serverProgram)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, log, log
	// A test that is itself killed leaves no server behind.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
		_ = log.Close()
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.logs(t))
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !ready(ctx, admin) {
		select {
		case <-ctx.Done():
			t.Fatal("the server did not become ready")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func ready(ctx context.Context, admin string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

var given sync.Map // addresses, each to one who asked

// address returns a free one of a loopback host that belongs to this process
// alone, so that nothing else takes it meanwhile.
func address(t *testing.T) string {
	t.Helper()
	pid := os.Getpid()
	for {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 128+pid>>16&63, pid>>8&255, pid&255))
		if err != nil {
			t.Fatal(err)
		}
		_ = ln.Close()
		if _, twice := given.LoadOrStore(ln.Addr().String(), true); !twice {
			return ln.Addr().String()
		}
	}
}

// with returns the server's env file with one value changed.
func (s *server) with(name, value string) map[string]string {
	env := maps.Clone(s.env)
	env[name] = value
	return env
}

func (s *server) logs(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(s.log)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// manifest returns the manifest's lines.
func (s *server) manifest(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "logs", logfile.ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	if len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// kept returns what the manifest says of message number seq, and the message in
// its log file.
func (s *server) kept(t *testing.T, seq int) (logfile.Entry, []byte) {
	t.Helper()
	entry, err := logfile.ParseLine([]byte(s.manifest(t)[seq]))
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(s.dir, "logs", entry.File))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parsed, err := logfile.Parse(f, int64(entry.FileSize))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(parsed.Plain())
	if err != nil {
		t.Fatal(err)
	}
	return entry, plain
}
