package daemon_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/courier"
	"sealpost/services/client/dial"
	"sealpost/services/server/daemon"
	"sealpost/services/server/state"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/token"
	"sealpost/shared/framing"
	"sealpost/shared/message"
	"sealpost/shared/settings"
)

// patience is how long a test waits for something that must happen. Only a
// failing test ever waits so long.
const patience = time.Minute

// live is a whole server on loopback, and the state as a command beside it has it.
type live struct {
	t              *testing.T
	cfg            daemon.Config
	address, admin string
	command        *state.State
	token          token.Token
	logs           lockedBuffer
	reload         chan struct{}
	stop           func()
}

func newLive(t *testing.T) *live {
	t.Helper()
	dir := t.TempDir()
	return liveOn(t, dir, filepath.Join(dir, "state"))
}

func liveOn(t *testing.T, data, stateDir string) *live {
	t.Helper()
	l := &live{t: t, reload: make(chan struct{}), cfg: daemon.Config{
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", DataDir: data, StateDir: stateDir,
		MaxMessageBytes: 1 << 20, MaxStagedBytes: 1 << 30, LogCiphertextMax: settings.Bytes(1 << 20),
		DrainTimeout: patience,
	}}
	var err error
	l.command, err = state.Open(l.cfg.StateDir)
	check(t, err)
	t.Cleanup(func() { check(t, l.command.Close()) })
	l.token, err = l.command.AddSender("store-17")
	check(t, err)
	return l
}

// start runs the server until stop, or the end of the test.
func (l *live) start() {
	l.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	listening, ended := make(chan [2]string, 1), make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, l.cfg, zerolog.New(&l.logs),
			daemon.Options{Reload: l.reload, OnListen: func(sealpost, _, admin net.Addr) {
				listening <- [2]string{sealpost.String(), admin.String()}
			}})
	}()
	stopped := false
	l.stop = func() {
		if cancel(); !stopped {
			stopped = true
			check(l.t, <-ended)
		}
	}
	l.t.Cleanup(l.stop)
	select {
	case at := <-listening:
		l.address, l.admin = at[0], at[1]
	case err := <-ended:
		stopped = true
		l.t.Fatalf("the server did not start: %v", err)
	}
}

// courier sends to the server as store-17, for whom these pins are all that it knows.
func (l *live) courier(pins ...*identity.Identity) *courier.Courier {
	var list identity.Pins
	for _, id := range pins {
		list = append(list, identity.Pin{Origin: "pinned", Key: id.Public()})
	}
	c := courier.New(courier.Config{Servers: dial.One(l.address, list.ClientTLS()), Token: l.token, Pins: list,
		Timeout: patience, Log: zerolog.Nop()})
	l.t.Cleanup(func() { _ = c.Close() })
	return c
}

func text(name string) courier.Message {
	content := []byte("about " + name)
	return courier.Message{ID: message.NewID(), Name: name, Cipher: message.None,
		Size: uint64(len(content)), SHA256: sha256.Sum256(content),
		Open: func() (io.ReadSeekCloser, error) { return courier.Unclosed(bytes.NewReader(content)), nil }}
}

func (l *live) deliver(c *courier.Courier, m courier.Message) courier.Delivery {
	l.t.Helper()
	d, err := c.Deliver(l.t.Context(), m)
	check(l.t, err)
	return d
}

// session is a connection with a token, spoken by hand.
func (l *live) session(tok token.Token) (*tls.Conn, *framing.Reader) {
	l.t.Helper()
	conn, err := tls.Dial("tcp", l.address, l.command.Pins().ClientTLS())
	check(l.t, err)
	l.t.Cleanup(func() { _ = conn.Close() })
	check(l.t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Write(framing.AppendHello(nil, tok.Reveal()))
	check(l.t, err)
	in := framing.NewReader(conn)
	rec, err := in.Next()
	if err != nil || rec.Type != framing.TypeWelcome {
		l.t.Fatalf("logged in: %s, %v", rec.Type, err)
	}
	return conn, in
}

// hello sends a text as a token, waits until it is turned away, and returns the
// connection's own address.
func (l *live) hello(text string) string {
	l.t.Helper()
	conn, err := tls.Dial("tcp", l.address, l.command.Pins().ClientTLS())
	check(l.t, err)
	defer func() { _ = conn.Close() }()
	check(l.t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Write(framing.AppendHello(nil, text))
	check(l.t, err)
	rec, err := framing.NewReader(conn).Next()
	if err != nil || rec.Type != framing.TypeClose {
		l.t.Fatalf("turned away: %s, %v", rec.Type, err)
	}
	return conn.LocalAddr().String()
}

// get asks the operator's endpoint.
func (l *live) get(path string) string {
	l.t.Helper()
	request, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, "http://"+l.admin+path, nil)
	check(l.t, err)
	response, err := http.DefaultClient.Do(request)
	check(l.t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	check(l.t, err)
	return string(body)
}

// eventually polls until done.
func (l *live) eventually(what string, done func() bool) {
	l.t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			l.t.Fatalf("waited in vain for %s; the server's log:\n%s", what, l.logs.String())
		}
	}
}

func (l *live) ready() {
	l.t.Helper()
	l.eventually("readiness", func() bool { return l.get("/readyz") == "ready\n" })
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestTokenRemovedWhileConnected: the command alone ends the connections of a
// token, one that says nothing and one in the middle of a message. The same
// sender goes on with its other token.
func TestTokenRemovedWhileConnected(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	newer, err := l.command.AddSender("store-17")
	check(t, err)
	l.start()
	l.ready()
	_, idle := l.session(l.token)
	busy, sending := l.session(l.token)
	successor, answers := l.session(newer)
	body := []byte("a message with two tokens")
	offer := framing.AppendOffer(nil, framing.Offer{ID: message.NewID(), Size: uint64(len(body)),
		SHA256: sha256.Sum256(body), Name: "a.txt"})
	half := framing.Append(offer, framing.TypeData, body[:5])
	for _, conn := range []*tls.Conn{busy, successor} {
		_, err = conn.Write(half)
		check(t, err)
	}
	_, err = l.command.RemoveSender("store-17", true)
	check(t, err)
	for _, in := range []*framing.Reader{idle, sending} {
		rec, err := in.Next()
		check(t, err)
		c, err := framing.ParseClose(rec.Payload)
		if err != nil || rec.Type != framing.TypeClose || c.Code != framing.CodeUnauthenticated {
			t.Fatalf("%s %+v, %v", rec.Type, c, err)
		}
		if _, err := in.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("after CLOSE: %v", err)
		}
	}
	_, err = successor.Write(framing.Append(framing.Append(nil, framing.TypeData, body[5:]), framing.TypeEnd, nil))
	check(t, err)
	if rec, err := answers.Next(); err != nil || rec.Type != framing.TypeReceipt {
		t.Errorf("the other token hears %s, %v", rec.Type, err)
	}
	if want := `sealpost_connections_closed_total{reason="token removed"} 2`; !strings.Contains(l.get("/metrics"), want) {
		t.Errorf("the metrics lack %s", want)
	}
	if n := strings.Count(l.logs.String(), `"reason":"token removed"`); n != 2 {
		t.Errorf("%d lines of the log tell of it", n)
	}
}
