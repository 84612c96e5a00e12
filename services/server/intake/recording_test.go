package intake_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/courier"
	"sealpost/services/client/dial"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/framing"
	"sealpost/shared/message"
)

// recording is what went through a TCP proxy, both ways.
type recording struct {
	addr   string
	target string
	ended  sync.WaitGroup

	mu       sync.Mutex
	up, down bytes.Buffer
}

// record starts a proxy to target that keeps a copy of every byte.
func record(t *testing.T, target string) *recording {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	check(t, err)
	r := &recording{addr: ln.Addr().String(), target: target}
	r.ended.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			r.ended.Go(func() { r.relay(t, conn) })
		}
	})
	t.Cleanup(func() { _ = ln.Close(); r.ended.Wait() })
	return r
}

func (r *recording) relay(t *testing.T, client net.Conn) {
	server, err := net.Dial("tcp", r.target)
	if err != nil {
		t.Errorf("proxy: %v", err)
		_ = client.Close()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { r.copy(server, client, &r.up) })
	both.Go(func() { r.copy(client, server, &r.down) })
	both.Wait()
}

func (r *recording) copy(to, from net.Conn, kept *bytes.Buffer) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		r.mu.Lock()
		kept.Write(buf[:n])
		r.mu.Unlock()
		if _, e := to.Write(buf[:n]); err != nil || e != nil {
			_, _ = to.Close(), from.Close()
			return
		}
	}
}

// found names what of secrets the recording shows.
func (r *recording) found(secrets map[string][]byte) map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	shown := make(map[string]bool)
	for what, secret := range secrets {
		if bytes.Contains(r.up.Bytes(), secret) || bytes.Contains(r.down.Bytes(), secret) {
			shown[what] = true
		}
	}
	return shown
}

// Of a message that crosses the sealpost wire a recording shows nothing. The
// same records recorded without TLS show all of it, so the search can find.
func TestRecordingShowsNothing(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	content := bytes.Repeat([]byte("a sentence that stands nowhere else. "), 500)
	m := sealed("takings-of-today.txt", content)
	key := cipher2012.DeriveKey("password")
	secrets := map[string][]byte{
		"token": []byte(s.token.Reveal()), "end of the token": []byte(s.token.Reveal()[40:]),
		"sender": []byte(s.token.Sender()), "name": []byte(m.Name), "id": m.ID[:], "digest": m.SHA256[:],
		"key": key[:], "ciphertext": m.body[cipher2012.KeySize:][:64], "plaintext": content[:32],
	}

	sealedWire := record(t, s.addr)
	c := courier.New(courier.Config{
		Servers: dial.One(sealedWire.addr, s.pins(t).ClientTLS()), Token: s.token, Pins: s.pins(t),
		Timeout: patience, Log: zerolog.Nop(),
	})
	defer func() { _ = c.Close() }()
	open := func() (io.ReadSeekCloser, error) { return courier.Unclosed(bytes.NewReader(content)), nil }
	both := []courier.Message{
		{ID: m.ID, Name: m.Name, Cipher: message.Cipher2012, Key: key, Size: m.Size, SHA256: m.SHA256, Open: open},
		{ID: message.NewID(), Name: m.Name, Cipher: message.None, Size: m.Size, SHA256: m.SHA256, Open: open},
	}
	for _, m := range both {
		_, err := c.Deliver(t.Context(), m)
		check(t, err)
	}
	if shown := sealedWire.found(secrets); len(shown) > 0 {
		t.Errorf("the sealpost wire shows %v", shown)
	}
	if sent := sealedWire.up.Len(); sent < 2*len(content) {
		t.Errorf("only %d bytes were recorded", sent)
	}
	if shown := controlRecording(t, s, m).found(secrets); len(shown) != len(secrets) {
		t.Errorf("the control recording shows only %v", shown)
	}
}

// controlRecording records the same records on a bare TCP connection.
func controlRecording(t *testing.T, s *server, m parcel) *recording {
	t.Helper()
	sink, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	check(t, err)
	defer sink.Close()
	bare := record(t, sink.Addr().String())
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", bare.addr)
	check(t, err)
	p := &peer{t: t, s: s}
	out := framing.AppendHello(nil, s.token.Reveal())
	out = append(append(out, p.whole(m)...), p.whole(plain(m.Name, m.plain))...)
	_, err = conn.Write(out)
	check(t, err)
	check(t, conn.Close())
	arrived, err := sink.Accept()
	check(t, err)
	defer arrived.Close()
	check(t, arrived.SetDeadline(time.Now().Add(patience)))
	_, err = io.Copy(io.Discard, arrived)
	check(t, err)
	return bare
}
