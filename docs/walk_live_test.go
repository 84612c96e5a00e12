package docs

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/daemon"
	"sealpost/services/server/state"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/token"
	"sealpost/shared/logfile"
	"sealpost/shared/settings"
)

// liveServer is a server with both wires open, and ada's token.
type liveServer struct {
	dir                string
	sealpost, wire2012 string // ports
	pins               identity.Pins
	token              token.Token
}

func startLive(t *testing.T) *liveServer {
	t.Helper()
	s := &liveServer{dir: t.TempDir()}
	st, err := state.Open(filepath.Join(s.dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	if s.token, err = st.AddSender(walkSender); err != nil {
		t.Fatal(err)
	}
	s.pins = identity.Pins{{Key: st.Identity().Public()}}
	var cfg daemon.Config
	if _, err := settings.Load(daemon.Prefix, &cfg); err != nil {
		t.Fatal(err)
	}
	cfg.Listen, cfg.Listen2012, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.DataDir, cfg.StateDir = s.dir, filepath.Join(s.dir, "state")
	ctx, cancel := context.WithCancel(context.Background())
	listening, ended := make(chan [2]string, 1), make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, cfg, zerolog.Nop(), daemon.Options{OnListen: func(sealpost, wire2012, _ net.Addr) {
			listening <- [2]string{portOf(sealpost), portOf(wire2012)}
		}})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	select {
	case ports := <-listening:
		s.sealpost, s.wire2012 = ports[0], ports[1]
	case err := <-ended:
		ended <- err
		t.Fatalf("the server did not start: %v", err)
	}
	return s
}

func portOf(a net.Addr) string {
	_, port, _ := net.SplitHostPort(a.String())
	return port
}

// run runs the page's commands with this server's ports and token.
func (s *liveServer) run(t *testing.T, dir, commands string) string {
	t.Helper()
	commands = strings.NewReplacer(" 7513 ", " "+s.sealpost+" ", " 2012 ", " "+s.wire2012+" ").Replace(commands)
	out, err := shell(t, dir, commands, "HOST=127.0.0.1", "CLIENT_TOKEN="+s.token.Reveal())
	if err != nil {
		t.Fatalf("%s: %v\n%s", commands, err, out)
	}
	return out
}

// entries returns the manifest's lines.
func (s *liveServer) entries(t *testing.T) (entries []logfile.Entry) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "logs", logfile.ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		e, err := logfile.ParseLine([]byte(strings.TrimSuffix(line, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

// TestWalkLive does what the page tells its readers to do, in its order, with a
// server: the log files must be those of the walk but for what no two servers
// have in common, and what is sent twice must be kept as exercise 11 says.
func TestWalkLive(t *testing.T) {
	s, dir, w := startLive(t), walkCopy(t), newWalk(t)
	var live []string
	for _, b := range walkBlocksOf(t) {
		switch b.kind {
		case "nc":
			s.sendRaw(t, dir, b.text)
		case "live":
			live = append(live, b.text)
			s.run(t, dir, b.text)
		}
	}
	if len(live) != 2 {
		t.Fatalf("%d examples of kind live, want 2", len(live))
	}
	entries := s.entries(t)
	if len(entries) != 3 {
		t.Fatalf("%d messages, want 3", len(entries))
	}
	for i, e := range entries {
		got, err := os.ReadFile(filepath.Join(s.dir, "logs", e.File))
		if err != nil || lasting(got, e) != lasting(w.files[i], parsed(t, w.lines[i])) {
			t.Errorf("%s is\n%s\nwant, but for time and raw ids,\n%s\n%v", e.File, got, w.files[i], err)
		}
	}
	s.checkReceipt(t, filepath.Join(dir, "mine.bin.tlog-proof"), entries[walkIndex])
	s.again(t, dir, live)
}

// lasting leaves out of a log file what differs from server to server: the
// time and, on the 2012 wire, the id.
func lasting(file []byte, e logfile.Entry) string {
	_, rest, _ := bytes.Cut(file, []byte("\n"))
	if e.Sender == walkSender {
		return string(rest)
	}
	return strings.Replace(string(rest), e.ID.String(), "", 1)
}

func parsed(t *testing.T, line []byte) logfile.Entry {
	t.Helper()
	e, err := logfile.ParseLine(line)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// sendRaw stands in for nc, which is not everywhere: it sends what the command
// in front of it prints, closes its sending side and waits for the end.
func (s *liveServer) sendRaw(t *testing.T, dir, command string) {
	t.Helper()
	before, _, found := strings.Cut(command, " | nc -N $HOST 2012\n")
	if !found {
		t.Fatalf("%q", command)
	}
	conn, err := net.Dial("tcp", "127.0.0.1:"+s.wire2012)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, s.run(t, dir, before)); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, conn); n != 0 || err != nil {
		t.Errorf("the server answered %d bytes, %v", n, err)
	}
}

func (s *liveServer) checkReceipt(t *testing.T, path string, want logfile.Entry) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := receipt.Open(text, s.pins)
	if err != nil {
		t.Fatal(err)
	}
	if e, err := logfile.OfReceipt(opened); err != nil || e != want {
		t.Errorf("the receipt is of %+v, %v", e, err)
	}
}

// again is exercise 11, and the refusal that the page promises behind it.
func (s *liveServer) again(t *testing.T, dir string, live []string) {
	t.Helper()
	before := s.entries(t)
	for range 2 {
		s.run(t, dir, live[1])
		s.checkReceipt(t, filepath.Join(dir, "mine.bin.tlog-proof"), before[walkIndex])
	}
	if got := len(s.entries(t)); got != len(before) {
		t.Errorf("the same id made %d more messages", got-len(before))
	}
	for range 2 {
		s.run(t, dir, live[0])
	}
	if got := len(s.entries(t)); got != len(before)+2 {
		t.Errorf("two raw streams made %d messages", got-len(before))
	}
	out := s.run(t, dir, "python3 say.py $HOST 7513 client.bin")
	if !strings.HasPrefix(out, "0x85, ") || !strings.Contains(out, `b'\x03\x02`) {
		t.Errorf("a token that the server never gave: %s", out)
	}
}
