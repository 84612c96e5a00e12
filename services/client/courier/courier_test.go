package courier_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/courier"
	"sealpost/services/client/dial"
	"sealpost/services/server/daemon"
	"sealpost/services/server/state"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/token"
	"sealpost/shared/framing"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// server is a real server in this process, on loopback.
type server struct {
	dir      string
	addr     string
	wire2012 string
	state    *state.State
	token    token.Token
	stop     func() error
}

func startServer(t *testing.T, dir, listen string) *server {
	t.Helper()
	return startServerWith(t, dir, listen, func(*daemon.Config) {})
}

func startServerWith(t *testing.T, dir, listen string, change func(*daemon.Config)) *server {
	t.Helper()
	st, err := state.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	s := &server{dir: dir, state: st}
	if s.token, err = st.AddSender("store-17"); err != nil && !errors.Is(err, state.ErrTwoTokens) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	cfg := config(dir, listen)
	change(&cfg)
	go func() {
		ended <- daemon.Run(ctx, cfg, zerolog.Nop(), daemon.Options{OnListen: func(a, b, _ net.Addr) {
			s.addr, s.wire2012 = a.String(), b.String()
			close(ready)
		}})
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("server did not start: %v", err)
	}
	s.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = s.stop() })
	return s
}

func (s *server) config() courier.Config {
	pins, err := identity.ParsePins(s.state.Identity().VerifierKey(receipt.Origin(s.state.LogbookID())))
	if err != nil {
		panic(err)
	}
	return courier.Config{Servers: dial.One(s.addr, pins.ClientTLS()), Token: s.token, Pins: pins,
		Timeout: time.Minute, Log: zerolog.Nop()}
}

func (s *server) courier(t *testing.T) *courier.Courier {
	c := courier.New(s.config())
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (s *server) content(t *testing.T, e logfile.Entry) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join(s.dir, "logs", e.File))
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

func text(name string, content []byte) courier.Message {
	return courier.Message{
		ID: message.NewID(), Name: name, Cipher: message.None, Size: uint64(len(content)), SHA256: sha256.Sum256(content),
		Open: func() (io.ReadSeekCloser, error) { return courier.Unclosed(bytes.NewReader(content)), nil },
	}
}

func enciphered(name string, content []byte) courier.Message {
	m := text(name, content)
	m.Cipher, m.Key = message.Cipher2012, cipher2012.DeriveKey("demo")
	return m
}

func TestDeliver(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	c := s.courier(t)
	big := make([]byte, 3<<20)
	rand.Read(big)
	for i, content := range [][]byte{
		{}, []byte("x"), bytes.Repeat([]byte("b"), 32), []byte("a\r\nb\r\n"), big,
		[]byte("-----\nENCRYPTED MESSAGE CONTENT\n-----\n\n"),
		bytes.Repeat([]byte("w"), framing.InitialWindow), bytes.Repeat([]byte("w"), framing.InitialWindow+1),
	} {
		for _, m := range []courier.Message{text("plain.txt", content), enciphered("sealed.txt", content)} {
			d, err := c.Deliver(t.Context(), m)
			if err != nil {
				t.Fatalf("message %d, cipher %s: %v", i, m.Cipher, err)
			}
			if got := s.content(t, d.Entry); !bytes.Equal(got, content) {
				t.Errorf("message %d, cipher %s: came back changed", i, m.Cipher)
			}
		}
	}
}

// An id sent again gets the first number, and its body is not needed.
func TestRepeat(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	m := text("a.txt", []byte("once"))
	first, err := s.courier(t).Deliver(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.courier(t).Deliver(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Receipt, again.Receipt) {
		t.Errorf("receipts differ:\n%s\n%s", first.Receipt, again.Receipt)
	}
	other := text("a.txt", []byte("twice"))
	other.ID = m.ID
	_, err = s.courier(t).Deliver(t.Context(), other)
	var refusal *courier.RefusalError
	if !errors.As(err, &refusal) || refusal.Code != framing.CodeIDConflict || refusal.Of != courier.OfMessage {
		t.Errorf("same id, other content: %v", err)
	}
}

func TestManyInFlight(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	c := s.courier(t)
	const n = 400 // more than may be in flight
	var wg sync.WaitGroup
	numbers := make(chan uint64, n)
	for i := range n {
		wg.Go(func() {
			d, err := c.Deliver(t.Context(), text(fmt.Sprintf("%d.txt", i), fmt.Append(nil, i)))
			if err != nil {
				t.Errorf("message %d: %v", i, err)
				return
			}
			if got := string(s.content(t, d.Entry)); got != fmt.Sprint(i) {
				t.Errorf("message %d came back as %q", i, got)
			}
			numbers <- d.Entry.Seq
		})
	}
	wg.Wait()
	close(numbers)
	seen := make(map[uint64]bool)
	for seq := range numbers {
		if seen[seq] || seq >= n {
			t.Errorf("number %d is used twice or leaves a gap", seq)
		}
		seen[seq] = true
	}
}

func TestRefusals(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	foreign, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	foreignPins, err := identity.ParsePins(foreign.VerifierKey("sealpost/other"))
	if err != nil {
		t.Fatal(err)
	}
	wrongToken, err := token.New("store-17")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		change func(*courier.Config, *courier.Message)
		code   framing.Code
		of     courier.Scope
	}{
		{"wrong identity", func(c *courier.Config, _ *courier.Message) {
			c.Servers[0].TLS, c.Pins = foreignPins.ClientTLS(), foreignPins
		}, 0, courier.OfConnection},
		{"wrong token", func(c *courier.Config, _ *courier.Message) { c.Token = wrongToken },
			framing.CodeUnauthenticated, courier.OfConnection},
		{"bad name", func(_ *courier.Config, m *courier.Message) { m.Name = "a\nb" },
			framing.CodeBadOffer, courier.OfMessage},
		{"wrong hash", func(_ *courier.Config, m *courier.Message) { m.SHA256[0] ^= 1 },
			framing.CodeMismatch, courier.OfMessage},
		{"too large", func(_ *courier.Config, m *courier.Message) { *m = text("big", make([]byte, maxMessage+1)) },
			framing.CodeTooLarge, courier.OfMessage},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg, m := s.config(), text("a.txt", []byte("content"))
			test.change(&cfg, &m)
			c := courier.New(cfg)
			defer c.Close()
			_, err := c.Deliver(t.Context(), m)
			var refusal *courier.RefusalError
			if !errors.As(err, &refusal) || refusal.Code != test.code || refusal.Of != test.of {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A refused message leaves the connection in step for those behind it.
func TestConnectionGoesOn(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	c := s.courier(t)
	if _, err := c.Deliver(t.Context(), text("big", make([]byte, maxMessage+1))); err == nil {
		t.Fatal("too large a message was taken")
	}
	shrunk := text("shrunk", make([]byte, 3<<20))
	shrunk.Open = func() (io.ReadSeekCloser, error) { return courier.Unclosed(strings.NewReader("short")), nil }
	_, err := c.Deliver(t.Context(), shrunk)
	var read *courier.ReadError
	if !errors.As(err, &read) {
		t.Fatalf("a file that shrank: %v", err)
	}
	if _, err := c.Deliver(t.Context(), text("good", []byte("good"))); err != nil {
		t.Fatal(err)
	}
}

func TestNoServer(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	cfg := s.config()
	cfg.Timeout = 300 * time.Millisecond
	c := courier.New(cfg)
	m := text("a.txt", []byte("x"))
	_, err := c.Deliver(t.Context(), m)
	var unknown *courier.UnknownError
	if !errors.As(err, &unknown) || unknown.ID != m.ID || !errors.Is(err, courier.ErrNoProgress) {
		t.Errorf("got %v", err)
	}
}

// ownHost returns a loopback address of this process alone: nobody else takes a
// port there while a server is down.
func ownHost() string {
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 192+pid>>16&31, pid>>8&255, pid&255)
}

// Deliveries go on by themselves when the server is stopped and started again.
func TestServerRestart(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, dir, ownHost()+":0")
	c := s.courier(t)
	if _, err := c.Deliver(t.Context(), text("before", []byte("before"))); err != nil {
		t.Fatal(err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	var after courier.Delivery
	go func() {
		var err error
		after, err = c.Deliver(t.Context(), text("after", []byte("after")))
		result <- err
	}()
	startServer(t, dir, s.addr)
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	if after.Entry.Seq != 1 {
		t.Errorf("number %d instead of 1", after.Entry.Seq)
	}
}

func TestSend2012(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	key := cipher2012.DeriveKey("password")
	content := bytes.Repeat([]byte("m"), 107)
	servers := dial.One(s.wire2012, nil)
	if err := courier.Send2012(t.Context(), servers, key, bytes.NewReader(content), time.Minute); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(s.dir, "logs", logfile.FileName(0)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(file, []byte("Total Encrypted Message Size: 172 bytes\n")) {
		t.Errorf("log file:\n%s", file)
	}
	err = courier.Send2012(t.Context(), servers, key, bytes.NewReader(make([]byte, maxMessage+1)), time.Minute)
	if err == nil {
		t.Error("a message over the limit seemed to be taken")
	}
}

// A small message that cannot be read is not offered, and takes nobody's place.
func TestUnreadable(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	c := s.courier(t)
	broken := errors.New("broken")
	type unsought struct {
		io.Reader
		io.Seeker
	}
	for name, body := range map[string]io.ReadSeeker{
		"shrunk": strings.NewReader("shor"), "grown": strings.NewReader("longer"),
		"broken": unsought{Reader: iotest.ErrReader(broken)},
	} {
		m := text("a.txt", []byte("short"))
		m.Open = func() (io.ReadSeekCloser, error) { return courier.Unclosed(body), nil }
		for range 300 { // more than may be in flight
			_, err := c.Deliver(t.Context(), m)
			var read *courier.ReadError
			if !errors.As(err, &read) || read.Name != m.Name || (name == "broken") != errors.Is(err, broken) {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	d, err := c.Deliver(t.Context(), text("good", []byte("good")))
	if err != nil || d.Entry.Seq != 0 {
		t.Errorf("number %d, %v", d.Entry.Seq, err)
	}
}

// Messages of all sizes share a connection, and none has bytes of another.
func TestMixedSizes(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	c := s.courier(t)
	var wg sync.WaitGroup
	for i := range 100 {
		content := bytes.Repeat([]byte{byte(i)}, []int{0, 1, 1 << 10, 16 << 10, 16<<10 + 1, 300 << 10}[i%6]+i/6)
		m := text("plain", content)
		if i%4 == 0 {
			m = enciphered("sealed", content)
		}
		wg.Go(func() {
			d, err := c.Deliver(t.Context(), m)
			if err != nil {
				t.Errorf("message %d: %v", i, err)
				return
			}
			if !bytes.Equal(s.content(t, d.Entry), content) {
				t.Errorf("message %d came back changed", i)
			}
		})
	}
	wg.Wait()
}

// Who leaves while a small message waits for its answer leaves the connection
// to the others.
func TestCancelledSmall(t *testing.T) {
	s := startServer(t, t.TempDir(), "127.0.0.1:0")
	r := newRelay(t, s.addr)
	cfg := s.config()
	cfg.Servers[0].Address = r.ln.Addr().String()
	c := courier.New(cfg)
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	m := text("a.txt", []byte("content"))
	open := m.Open
	m.Open = func() (io.ReadSeekCloser, error) { cancel(); return open() }
	_, err := c.Deliver(ctx, m)
	var unknown *courier.UnknownError
	if err != nil && !(errors.As(err, &unknown) && errors.Is(err, context.Canceled)) {
		t.Fatal(err)
	}
	first := r.last.Load()
	if _, err := c.Deliver(t.Context(), text("b.txt", []byte("other"))); err != nil || r.last.Load() != first {
		t.Errorf("%v, over the same connection: %v", err, r.last.Load() == first)
	}
}
