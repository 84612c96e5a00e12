package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sealpost/services/client/cli"
	"sealpost/shared/signals"
	"sealpost/shared/voice"
)

// TestMain makes the test binary a client when a script calls "client".
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"client": client})
}

func client() {
	os.Exit(cli.Main(signals.Context(context.Background()), os.Args[1:],
		voice.Standard()))
}

// TestScripts runs each file in testdata/script. What a line of them can call
// besides testscript's own:
//
//	server start [NAME=VALUE…]  start a server; its state and data stay in $WORK/server
//	server stop                 drain and stop it
//	server rate N               how many messages a second the sender may send, 0: any
//	status N COMMAND…           the command's exit status is N
//	again FILE                  run the command that the hint in FILE shows
//	files DIR N                 DIR holds N entries (no dots counted); waits for them
//	ended PLACE N               so do the days of an outbox's sent or refused: N messages
//	logged FILE TEXT            wait until FILE, which a process in the background writes, has TEXT in it
//	admin FILE                  wait until FILE says where a client is asked, and set that
//	tells PATH TEXT             wait until PATH of that client has TEXT in it
//	logfile N FILE              log file N holds FILE's bytes
//	certificate ADDRESS         make ca.pem, for it server.pem, expired.pem, future.pem and their keys, and other.pem
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Values[serverKey{}] = &server{dir: filepath.Join(env.WorkDir, "server")}
			env.Setenv("TMPDIR", env.WorkDir)
			// A race-enabled program else waits a second before it exits.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server":      serverCommand,
			"status":      statusCommand,
			"again":       againCommand,
			"files":       filesCommand,
			"ended":       endedCommand,
			"logfile":     logfileCommand,
			"logged":      loggedCommand,
			"admin":       adminCommand,
			"tells":       tellsCommand,
			"certificate": certificateCommand,
		},
	})
}

func statusCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d\n%s", got, want, ts.ReadFile("stderr"))
	}
}

func againCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: again FILE")
	}
	_, command, found := strings.Cut(ts.ReadFile(args[0]), "without a double: ")
	if !found {
		ts.Fatalf("%s shows no command to repeat", args[0])
	}
	command, _, _ = strings.Cut(command, "\n")
	ts.Logf("%s", command)
	ts.Check(ts.Exec("/bin/sh", "-c", command))
}

// filesCommand waits for what a process in the background does.
func filesCommand(ts *testscript.TestScript, neg bool, args []string) { awaitCount(ts, args, visible) }

func endedCommand(ts *testscript.TestScript, neg bool, args []string) { awaitCount(ts, args, ended) }

func awaitCount(ts *testscript.TestScript, args []string, count func(*testscript.TestScript, string) int) {
	if len(args) != 2 {
		ts.Fatalf("usage: files or ended, DIR N")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	found := 0
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if found = count(ts, ts.MkAbs(args[0])); found == want {
			return
		}
	}
	ts.Fatalf("%s holds %d, want %d", args[0], found, want)
}

// ended counts the messages in the days of a place: each has a file beside it.
func ended(ts *testscript.TestScript, place string) int {
	files, err := filepath.Glob(filepath.Join(place, "*", "[^.]*"))
	ts.Check(err)
	return len(files) / 2
}

func loggedCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: logged FILE TEXT")
	}
	var text []byte
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		text, _ = os.ReadFile(ts.MkAbs(args[0])) // may not be there yet
		if strings.Contains(string(text), args[1]) {
			return
		}
	}
	ts.Fatalf("%s does not say %q:\n%s", args[0], args[1], text)
}

// adminCommand takes the address from the line that says that the endpoint started.
func adminCommand(ts *testscript.TestScript, neg bool, args []string) {
	const started = `"message":"admin endpoint started"`
	loggedCommand(ts, neg, append(args, started))
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var said struct{ Listen string }
		if strings.Contains(line, started) {
			ts.Check(json.Unmarshal([]byte(line), &said))
			ts.Setenv("CLIENT_ADMIN_LISTEN", said.Listen)
		}
	}
}

func tellsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tells PATH TEXT")
	}
	var text []byte
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		response, err := http.Get("http://" + ts.Getenv("CLIENT_ADMIN_LISTEN") + args[0])
		ts.Check(err)
		text, err = io.ReadAll(response.Body)
		ts.Check(errors.Join(err, response.Body.Close()))
		if strings.Contains("\n"+string(text), strings.ReplaceAll(args[1], `\n`, "\n")) {
			return
		}
	}
	ts.Fatalf("%s does not say %q:\n%s", args[0], args[1], text)
}

func visible(ts *testscript.TestScript, dir string) int {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	ts.Check(err)
	n := 0
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			n++
		}
	}
	return n
}

func logfileCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: logfile N FILE")
	}
	got := ts.ReadFile(fmt.Sprintf("server/data/logs/server_message%s.txt", args[0]))
	want := ts.ReadFile(args[1])
	if !strings.Contains(got, "\n"+want+"\n") {
		ts.Fatalf("log file %s does not hold %s:\n%s", args[0], args[1], got)
	}
}
