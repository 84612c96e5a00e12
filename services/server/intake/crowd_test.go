package intake_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"sealpost/services/client/courier"
	"sealpost/services/client/dial"
	"sealpost/services/server/intake"
	"sealpost/shared/message"
)

const (
	crowdSize   = 10_000
	crowdTarget = "INTAKE_TEST_CROWD" // the address that this process is to crowd
	crowdReady  = "all are connected"
	spareFiles  = 500 // descriptors for everything else in a process
)

// TestMain lets the test binary also be the process that holds the crowd.
func TestMain(m *testing.M) {
	target := os.Getenv(crowdTarget)
	if target == "" {
		os.Exit(m.Run())
	}
	if err := crowd(target); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// crowd opens connections that say nothing and holds them until its standard
// input ends.
func crowd(target string) error {
	if err := needFiles(crowdSize + spareFiles); err != nil {
		return err
	}
	const dialers = 32
	held := make([]net.Conn, crowdSize) // one that nobody holds is closed
	var made, failed atomic.Int64
	var last atomic.Value
	var wg sync.WaitGroup
	for range dialers {
		wg.Go(func() {
			for n := made.Add(1); n <= crowdSize; n = made.Add(1) {
				// Each address of this machine has ports of its own.
				from := net.IPv4(127, 0, 0, byte(2+n%4))
				d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: patience, KeepAlive: -1}
				conn, err := d.Dial("tcp", target)
				if err != nil {
					failed.Add(1)
					last.Store(err)
				}
				held[n-1] = conn
			}
		})
	}
	wg.Wait()
	if n := failed.Load(); n > 0 {
		return fmt.Errorf("%d of %d connections failed, one with: %w", n, crowdSize, last.Load().(error))
	}
	fmt.Println(crowdReady)
	_, err := io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(held)
	return err
}

// needFiles raises this process's limit of open files.
func needFiles(n uint64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if limit.Cur >= n {
		return nil
	}
	limit.Cur, limit.Max = n, max(n, limit.Max) // beyond Max only root may go
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("%d open files are needed; raise the hard limit (ulimit -Hn): %w", n, err)
	}
	return nil
}

// Ten thousand connections that say nothing keep nobody from being served.
func TestCrowd(t *testing.T) {
	check(t, needFiles(crowdSize+spareFiles))
	count := &counting{reached: make(chan struct{}), at: crowdSize + 1} // and the bystander
	s := start(t, options{
		limits: intake.Limits{Connections: 2 * crowdSize, ConnectionsPerAddress: crowdSize, Handshake: time.Hour},
		listen: count.wrap,
	})
	leave := gather(t, s.addr)
	receive(t, count.reached, "the crowd to be let in")
	if n := s.metric(t, "sealpost_connections", ""); n <= crowdSize {
		t.Errorf("%v connections are open", n)
	}
	c := courier.New(courier.Config{
		Servers: dial.One(s.addr, s.pins(t).ClientTLS()), Token: s.token, Pins: s.pins(t),
		Timeout: patience, Log: zerolog.Nop(),
	})
	defer func() { _ = c.Close() }()
	content := []byte("through the crowd")
	d, err := c.Deliver(t.Context(), courier.Message{
		ID: message.NewID(), Name: "a.txt", Cipher: message.None, Size: uint64(len(content)), SHA256: sha256.Sum256(content),
		Open: func() (io.ReadSeekCloser, error) { return courier.Unclosed(bytes.NewReader(content)), nil },
	})
	check(t, err)
	if got := s.content(t, d.Entry.File); !bytes.Equal(got, content) {
		t.Errorf("the message came back as %q", got)
	}
	s.goesOn(t)
	if n := s.metric(t, "sealpost_connections", ""); n <= crowdSize {
		t.Errorf("only %v connections were open all the time", n)
	}
	leave()
	s.logs.wait(t, crowdSize, fields{"message": "client left"})
	s.goesOn(t)
}

// gather starts the process that crowds target, and waits until it does. The
// returned function ends it.
func gather(t *testing.T, target string) (leave func()) {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), crowdTarget+"="+target)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	in, err := cmd.StdinPipe()
	check(t, err)
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	leave = sync.OnceFunc(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the crowd: %v\n%s", err, complaint.String())
		}
	})
	t.Cleanup(leave)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != crowdReady {
		leave()
		t.Fatalf("the crowd said %q, %v", line, err)
	}
	return leave
}

// counting tells when a listener has handed out a number of connections and
// come back for more: by then the intake has dealt with them.
type counting struct {
	at      int64
	reached chan struct{}
	once    sync.Once
	n       atomic.Int64
}

func (c *counting) wrap(ln net.Listener) net.Listener { return counted{ln, c} }

type counted struct {
	net.Listener
	*counting
}

func (l counted) Accept() (net.Conn, error) {
	if l.n.Load() == l.at {
		l.once.Do(func() { close(l.reached) })
	}
	conn, err := l.Listener.Accept()
	if err == nil {
		l.n.Add(1)
	}
	return conn, err
}
