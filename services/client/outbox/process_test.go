package outbox

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"sealpost/services/client/courier"
	"sealpost/shared/durable"
	"sealpost/shared/durable/durabletest"
)

// clientEnv makes the test binary run as a client of an outbox instead.
const clientEnv = "OUTBOX_TEST_CLIENT"

func TestMain(m *testing.M) {
	if plan := os.Getenv(clientEnv); plan != "" {
		os.Exit(clientProcess(plan))
	}
	durabletest.Unlisted()
	os.Exit(m.Run())
}

// plan is what a client process does. At the Count-th time that it comes to
// the step At ("" for any step) it kills itself as kill -9 would, or, with
// Hold, says "held" and stays there for ever.
type plan struct {
	Dir, Ledger string
	At          string
	Count       int
	Hold        bool
	Watch       bool
	List        bool // print each step
	Refused     bool // messages are to be refused
	UID         int  // user to run as; 0: as the test
	Umask       int
	Settle      time.Duration
	Log         bool // print the log
	Recursive   bool
	Together    bool // flush the file system, whatever it is
	Again       bool // send again, to another logbook
	Descriptors int  // how many it may have; 0: as the test; it delivers one message at a time then
}

func clientProcess(text string) int {
	var p plan
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	step, log := p.stepper(), zerolog.Nop()
	if p.Umask != 0 {
		syscall.Umask(p.Umask)
	}
	if p.Log {
		log = zerolog.New(os.Stdout)
	}
	deliver := ledger{dir: p.Ledger, step: step}.deliver
	if p.Descriptors > 0 {
		deliver = p.withFew(deliver)
	}
	if p.Again {
		return p.resend(ctx, step)
	}
	var flusher *durable.Flusher
	if p.Together {
		flusher = durable.NewFlusher(true, func() (uint64, error) { return 0, nil })
	}
	out, err := Run(ctx, Config{
		flusher: flusher,
		Dir:     p.Dir, Recursive: p.Recursive, Sender: "store-17", Watch: p.Watch, Settle: p.Settle, Log: log, step: step,
		Deliver: deliver,
		Logbook: func(context.Context) (string, error) { return testLogbook, nil },
	})
	if err != nil || len(out.Left) > 0 || p.Refused != (out.Refused > 0) {
		fmt.Fprintln(os.Stderr, out, err)
		return 1
	}
	return 0
}

// withFew lowers the limit of descriptors, of which the ledger is to take few.
func (p plan) withFew(deliver Deliver) Deliver {
	few := uint64(p.Descriptors)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: few, Max: few}); err != nil {
		panic(err)
	}
	var mu sync.Mutex
	return func(ctx context.Context, m courier.Message) (courier.Delivery, error) {
		mu.Lock()
		defer mu.Unlock()
		return deliver(ctx, m)
	}
}

func (p plan) stepper() func(string) {
	var mu sync.Mutex
	seen := 0
	return func(name string) {
		mu.Lock()
		defer mu.Unlock()
		if p.List {
			fmt.Println(name)
		}
		if p.Count == 0 || p.At != "" && p.At != name {
			return
		}
		if seen++; seen < p.Count {
			return
		}
		if p.Hold {
			fmt.Println("held")
			select {} // until killed; no other step gets past the mutex either
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			panic(err)
		}
		select {}
	}
}

// process is a client in a process of its own.
type process struct {
	*exec.Cmd
	out io.Reader
}

func (b bench) spawn(p plan) *process {
	b.Helper()
	p.Dir, p.Ledger = b.dir, b.ledger.dir
	text, err := json.Marshal(p)
	if err != nil {
		b.Fatal(err)
	}
	// By this link, since another user does not get into the directory of the program.
	cmd := exec.CommandContext(b.Context(), "/proc/self/exe")
	if p.UID != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(p.UID), Gid: uint32(p.UID)}}
	}
	// A race-enabled program else waits a second before it exits.
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", clientEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	return &process{Cmd: cmd, out: out}
}

// lines reads what the process prints until it ends.
func (p *process) lines(t *testing.T) []string {
	t.Helper()
	var lines []string
	for s := bufio.NewScanner(p.out); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return lines
}

// awaitHeld returns once the process holds still.
func (p *process) awaitHeld(t *testing.T) {
	t.Helper()
	p.await(t, "held")
}

// await returns once the process has printed a line with a text.
func (p *process) await(t *testing.T, text string) {
	t.Helper()
	for s := bufio.NewScanner(p.out); s.Scan(); {
		if strings.Contains(s.Text(), text) {
			return
		}
	}
	t.Fatalf("the client ended and had not said %q", text)
}

// killed waits for the end and reports whether SIGKILL was the cause; any end
// but that and status 0 fails the test.
func (p *process) killed(t *testing.T) bool {
	t.Helper()
	err := p.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL {
			return true
		}
	}
	if err != nil {
		t.Errorf("client: %v", err)
	}
	return false
}
