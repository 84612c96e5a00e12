package python

import (
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"sealpost/shared/message"
	"sealpost/shared/nettest"
)

// TestResume cuts a large message off on its way: sent again under its id it goes
// on where the server has it.
func TestResume(t *testing.T) {
	server := serve(t)
	content := make([]byte, largest)
	_, _ = rand.Read(content) // never fails
	path, id := writeFile(t, "large.bin", content), message.NewID().String()
	cut := server.with("CLIENT_SERVER", cutAfter(t, server.env["CLIENT_SERVER"], largest/4*3))
	if _, stderr, status := python(t, cut, send, "--id", id, path); status != 4 {
		t.Fatalf("cut off: status %d\n%s", status, stderr)
	}
	server.await(t, `connection lost`)
	stdout, stderr, status := python(t, server.env, send, "--id", id, path)
	if status != 0 || stderr != "" || strings.Count(stdout, "\n") != 1 {
		t.Fatalf("status %d\n%s%s", status, stderr, stdout)
	}
	server.await(t, `message resumed`)
	if _, plain := server.kept(t, 0); !bytes.Equal(plain, content) {
		t.Error("another message was kept")
	}
}

// await waits until the server's log says something.
func (s *server) await(t *testing.T, what string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(s.logs(t), what); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log never says %q:\n%s", what, s.logs(t))
		}
	}
}

// cutAfter is the address of a relay that passes one connection on, until so many
// bytes have gone to the server.
func cutAfter(t *testing.T, server string, bytes int64) string {
	t.Helper()
	ln := nettest.Listen(t)
	go func() {
		client, err := ln.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		to, err := net.Dial("tcp", server)
		if err != nil {
			return // the client's error says so
		}
		defer to.Close()
		go func() { _, _ = io.Copy(client, to) }()
		_, _ = io.CopyN(to, client, bytes)
	}()
	return ln.Addr().String()
}
