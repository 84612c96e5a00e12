package natstest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"sealpost/services/server/stream"
	"sealpost/shared/durable/durabletest"
)

// Node is one nats-server, in a directory of its own.
type Node struct {
	Name string
	Dir  string
	Lax  bool // from its next start on it acknowledges before it flushes

	cluster         *Cluster
	program         string
	env             []string
	port, routePort int
	command         *exec.Cmd     // nil: never started
	ended           chan struct{} // closed at the end of command
	held            bool
	logged          int64 // bytes of the log that earlier processes wrote
}

// Start starts a node that was stopped or killed, and returns when it takes connections.
func (n *Node) Start() {
	n.cluster.t.Helper()
	if n.running() {
		n.cluster.t.Fatalf("%s runs already", n.Name)
	}
	n.cluster.until(n.Name+" starts", n.launch)
}

// launch starts the process and waits for its port. The error is errPortTaken where
// another program has it.
func (n *Node) launch() error {
	if err := n.writeConfig(); err != nil {
		return err
	}
	if err := n.begin(); err != nil {
		return err
	}
	deadline := time.Now().Add(patience)
	for !n.reachable() {
		select {
		case <-n.ended:
			return n.failure()
		case <-time.After(lookEvery):
		}
		if time.Now().After(deadline) {
			n.kill()
			return fmt.Errorf("%s takes no connections", n.Name)
		}
	}
	return nil
}

func (n *Node) begin() error {
	log, err := os.OpenFile(n.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	size, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	n.command = exec.Command(n.program, "-c", n.path("node.conf"))
	n.command.Stdout, n.command.Stderr, n.command.Env = log, log, append(os.Environ(), n.env...)
	n.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.command.Start(); err != nil {
		n.command = nil
		return err
	}
	ended := make(chan struct{})
	n.ended, n.held, n.logged = ended, false, size
	go func(command *exec.Cmd) {
		_ = command.Wait() // how it ended is in its log
		close(ended)
	}(n.command)
	return nil
}

// reachable reports whether the node takes connections, and not another program at its port.
func (n *Node) reachable() bool {
	user := nats.UserInfo(stream.SystemUser, Password)
	conn, err := nats.Connect(n.URL(), user, nats.NoReconnect(), nats.Timeout(answerWait))
	if err != nil {
		return false
	}
	defer conn.Close()
	return conn.ConnectedServerName() == n.Name && n.running()
}

// failure is why the process ended.
func (n *Node) failure() error {
	text := n.logTail()
	if strings.Contains(text, "address already in use") {
		return fmt.Errorf("%s: %w", n.Name, errPortTaken)
	}
	return fmt.Errorf("%s ended:\n%s", n.Name, text)
}

// running reports whether there is a process.
func (n *Node) running() bool {
	if n.command == nil {
		return false
	}
	select {
	case <-n.ended:
		return false
	default:
		return true
	}
}

// moves reports whether there is a process that is not held.
func (n *Node) moves() bool { return n.running() && !n.held }

// Kill ends the process at once, as kill -9 does.
func (n *Node) Kill() {
	n.cluster.t.Helper()
	n.must(n.running(), "does not run")
	n.kill()
}

func (n *Node) kill() {
	if n.running() {
		_ = n.command.Process.Kill()
		<-n.ended
	}
}

// Stop has the process end by itself.
func (n *Node) Stop() {
	n.cluster.t.Helper()
	n.Resume()
	n.signal(syscall.SIGINT)
	select {
	case <-n.ended:
	case <-time.After(patience):
		n.cluster.t.Fatalf("%s does not stop", n.Name)
	}
}

// Pause holds the process: its connections stay, and nothing moves. Resume has it go on.
func (n *Node) Pause() {
	n.cluster.t.Helper()
	n.must(n.running(), "does not run")
	if err := durabletest.Hold(n.command.Process); err != nil {
		n.cluster.t.Fatal(err)
	}
	n.held = true
}

// Resume ends a Pause.
func (n *Node) Resume() {
	n.cluster.t.Helper()
	n.signal(syscall.SIGCONT)
	n.held = false
}

func (n *Node) signal(s syscall.Signal) {
	n.cluster.t.Helper()
	n.must(n.running(), "does not run")
	if err := n.command.Process.Signal(s); err != nil {
		n.cluster.t.Fatal(err)
	}
}

// Wipe removes all that a node that does not run has kept.
func (n *Node) Wipe() {
	n.cluster.t.Helper()
	n.must(!n.running(), "still runs")
	if err := os.RemoveAll(n.storeDir()); err != nil {
		n.cluster.t.Fatal(err)
	}
}

func (n *Node) must(holds bool, otherwise string) {
	n.cluster.t.Helper()
	if !holds {
		n.cluster.t.Fatalf("%s %s", n.Name, otherwise)
	}
}
