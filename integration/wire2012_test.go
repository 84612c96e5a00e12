package integration

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// key2012 and encrypt2012 are the cipher once more, byte by byte: the test must
// not use the code that it tests.
func key2012(password string) [32]byte {
	h := sha256.Sum256([]byte(password))
	for range 20 {
		h = sha256.Sum256(append(h[:], password...))
	}
	return h
}

func encrypt2012(key [32]byte, message []byte) []byte {
	padding := 32 - len(message)%32
	padded := append(bytes.Clone(message), bytes.Repeat([]byte{byte(padding)}, padding)...)
	sealed := make([]byte, len(padded))
	for block := 0; block < len(padded); block += 32 {
		for i := range 32 {
			sealed[block+i] = padded[block+31-i] ^ key[i]
		}
	}
	return []byte(base64.StdEncoding.EncodeToString(sealed))
}

func TestClientOf2012(t *testing.T) {
	t.Parallel()
	n := startServer(t)
	key := key2012("secret")
	messages := [][]byte{
		bytes.Repeat([]byte("x"), 107), nil, bytes.Repeat([]byte("y"), 32), []byte("a\r\nb\r\n"),
		[]byte("-----\nENCRYPTED MESSAGE CONTENT\n-----\n\n"), []byte("Grüße, Καλημέρα, 今日は"),
	}
	for i, m := range messages {
		if err := client2012(t, n.addr("2012/tcp"), key, encrypt2012(key, m)); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		if got := plainOf(t, n.file(fmt.Sprintf("server_message%d.txt", i))); !bytes.Equal(got, m) {
			t.Errorf("message %d came back changed", i)
		}
	}
	file, err := os.ReadFile(n.file("server_message0.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Total Encrypted Message Size: 172 bytes\n", "Total Decrypted Message Size: 107 bytes\n",
		"Sender: -\n"} {
		if !strings.Contains(string(file), line) {
			t.Errorf("the log file lacks %q:\n%s", line, file)
		}
	}
	for _, bad := range [][]byte{
		[]byte("!!!!"), []byte("YWJj"), nil, encrypt2012(key, messages[0])[:86],
		[]byte(base64.StdEncoding.EncodeToString(make([]byte, 32))),
	} {
		// Docker's proxy turns the reset into a close, so the log has to tell.
		_ = client2012(t, n.addr("2012/tcp"), key, bad)
	}
	if got := strings.Count(n.logs(), `"reason":"bad ciphertext"`); got != 5 {
		t.Errorf("%d of 5 bad messages refused:\n%s", got, n.logs())
	}
	if out := n.exec("verify"); !strings.Contains(out, "6") {
		t.Errorf("verify: %s", out)
	}
}

// client2012 is a program of 2012, written from the description of its wire: key,
// text, end of stream. Unlike those it reads on, to see how the server closes.
func client2012(t *testing.T, addr string, key [32]byte, text []byte) error {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(append(key[:], text...)); err != nil {
		return err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, conn)
	return err
}
