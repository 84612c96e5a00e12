package run_test

import (
	"bufio"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"sealpost/services/driver/drivertest"
	"sealpost/services/driver/run"
	"sealpost/shared/nettest"
	"sealpost/shared/progress/progresstest"
)

// On a terminal one line says how far the transfer is, below what is printed, and
// nothing is left of it.
func TestProgressOnATerminal(t *testing.T) {
	v := drivertest.NewVolume(t)
	v.Add("a.txt", []byte("first"))
	v.Add("b.txt", []byte("second"))
	resume := make(chan struct{})
	cfg := config(t, stallBefore(t, drivertest.Serve(t, v.Dir, nil), "RETR server_message1.txt", resume))
	cfg.LogLevel = "error"
	term := progresstest.Open(t, 120)
	var running sync.WaitGroup
	running.Go(func() {
		if err := run.Run(t.Context(), cfg, nil, term.Program, term.Program); err != nil {
			t.Error(err)
		}
	})
	line := regexp.MustCompile(`^ +50% \|=+> +\| \(1/2, \d+ files/\w+\) \[\S+:\S+\] \d+ B$`)
	term.Await(t, "the progress", func(lines []string) bool {
		return len(lines) > 0 && line.MatchString(lines[len(lines)-1])
	})
	close(resume)
	running.Wait()
	lines := term.Await(t, "the summary", func(lines []string) bool {
		return len(lines) > 0 && strings.HasPrefix(lines[len(lines)-1], "2 files, ")
	})
	if !slices.Contains(lines, "| first") || !slices.Contains(lines, "| second") ||
		slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "files/") }) {
		t.Errorf("on the terminal:\n%s", strings.Join(lines, "\n"))
	}
}

// stallBefore passes FTP commands on to a server, a certain one not before resume
// is closed.
func stallBefore(t *testing.T, server, command string, resume <-chan struct{}) (addr string) {
	t.Helper()
	l := nettest.Listen(t)
	var all sync.WaitGroup
	pass := func(client net.Conn) {
		defer client.Close()
		conn, err := net.Dial("tcp", server)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		all.Go(func() { _, _ = io.Copy(client, conn) }) // until either side closes
		for lines := bufio.NewScanner(client); lines.Scan(); {
			if lines.Text() == command {
				<-resume
			}
			if _, err := io.WriteString(conn, lines.Text()+"\r\n"); err != nil {
				return
			}
		}
	}
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { pass(client) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return l.Addr().String()
}
