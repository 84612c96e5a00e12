package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rogpeppe/go-internal/testscript"

	"sealpost/services/server/daemon"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/remedy"
	"sealpost/shared/admin"
	"sealpost/shared/settings"
	"sealpost/shared/signals"
	"sealpost/shared/voice"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"server": func() {
			os.Exit(Main(signals.Context(context.Background()), os.Args[1:],
				voice.Standard()))
		},
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"status": status},
		Setup: func(env *testscript.Env) error {
			// A race-enabled program else waits a second before it exits.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			for name, dir := range map[string]string{
				"SERVER_STATE_DIR": "state", "SETUP_DATA_DIR": "v/data", "SETUP_STATE_DIR": "v/state",
				"SETUP_CLIENT_SECRETS_DIR": "v/client", "SETUP_FTP_SECRETS_DIR": "v/ftp", "SETUP_DRIVER_SECRETS_DIR": "v/driver",
				"SETUP_OUTBOX_DIR": "v/outbox", "SETUP_RECEIVED_DIR": "v/received",
			} {
				env.Setenv(name, filepath.Join(env.WorkDir, dir))
			}
			return nil
		},
	})
}

// status N PROGRAM [ARG...] runs a program and fails unless it exits with N.
func status(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 2 {
		ts.Fatalf("usage: status N PROGRAM [ARG...]")
	}
	got := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = strconv.Itoa(exit.ExitCode())
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

// call runs the program in this process.
func call(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, problems bytes.Buffer
	status = Main(t.Context(), args, voice.Streams{In: strings.NewReader(""), Out: &out, Err: &problems})
	return status, out.String(), problems.String()
}

// readyServer returns the address of an admin listener that is ready.
func readyServer(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(admin.New(func() error { return nil }, remedy.For, prometheus.NewRegistry()))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestHealthcheck(t *testing.T) {
	var reason error
	server := httptest.NewServer(admin.New(func() error { return reason }, remedy.For, prometheus.NewRegistry()))
	defer server.Close()
	t.Setenv("SERVER_ADMIN_LISTEN", strings.TrimPrefix(server.URL, "http://"))
	// A proxy that would refuse: it has no part in this.
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")

	if status, out, problems := call(t, "healthcheck"); status != exitOK || out != "ready\n" || problems != "" {
		t.Errorf("ready: %d, %q, %q", status, out, problems)
	}
	for _, c := range []struct {
		reason error
		hint   string
	}{
		{errors.New("out of order"), ""},
		{&local.MisfitError{Reason: "one is lost"}, "server: hint: " + remedy.For(new(local.MisfitError)) + "\n"},
	} {
		reason = c.reason
		status, out, problems := call(t, "healthcheck")
		if want := "server: not ready: " + reason.Error() + "\n" + c.hint; status != exitFailed || out != "" ||
			problems != want {
			t.Errorf("not ready: %d, %q, %q", status, out, problems)
		}
	}
	server.Close()
	status, _, problems := call(t, "healthcheck")
	if status != exitFailed || !strings.Contains(problems, "hint: is the server running?") {
		t.Errorf("nobody there: %d, %q", status, problems)
	}
}

// The commands beside the server must find what the server uses.
func TestDefaultsAreTheServers(t *testing.T) {
	for _, name := range []string{"SERVER_STATE_DIR", "SERVER_ADMIN_LISTEN"} {
		t.Setenv(name, "") // to have it put back
		os.Unsetenv(name)
	}
	values := func(target any) map[string]string {
		if _, err := settings.Load(daemon.Prefix, target); err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, setting := range settings.Effective(daemon.Prefix, target) {
			found[setting.Name] = setting.Value
		}
		return found
	}
	server := values(&daemon.Config{})
	for _, mine := range []any{&stateConfig{}, &healthConfig{}} {
		for name, value := range values(mine) {
			if server[name] != value {
				t.Errorf("%s is %q here and %q in the server", name, value, server[name])
			}
		}
	}
}

// The server starts, says where it listens, and ends with 0 when told to.
func TestRun(t *testing.T) {
	for name, value := range map[string]string{
		"LISTEN": "127.0.0.1:0", "ADMIN_LISTEN": "127.0.0.1:0", "DATA_DIR": t.TempDir(), "STATE_DIR": t.TempDir(),
		"2012_LISTEN": "", "NONSENSE": "x", "LOG_FORMAT": "json",
	} {
		t.Setenv("SERVER_"+name, value)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	logs, log := io.Pipe()
	status := make(chan int, 1)
	go func() {
		status <- Main(ctx, nil, voice.Streams{In: strings.NewReader(""), Out: io.Discard, Err: log})
		log.Close()
	}()
	var messages []string
	for lines := bufio.NewScanner(logs); lines.Scan(); {
		var line struct{ Level, Message, Listen string }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Errorf("no JSON: %q", lines.Text())
		}
		messages = append(messages, line.Level+" "+line.Message)
		if line.Listen == "" {
			continue
		}
		conn, err := net.Dial("tcp", line.Listen)
		if err != nil {
			t.Error(err)
		} else {
			conn.Close()
		}
		stop()
	}
	if got := <-status; got != exitOK {
		t.Errorf("exit status %d", got)
	}
	story := strings.Join(messages, "\n")
	for _, want := range []string{`warn "SERVER_NONSENSE" is not a setting and is ignored`, "info settings",
		"info server started"} {
		if !strings.Contains(story, want) {
			t.Errorf("the log lacks %q:\n%s", want, story)
		}
	}
}
