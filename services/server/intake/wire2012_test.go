package intake_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"
	"time"

	"sealpost/services/server/intake"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/logfile"
)

// send2012 sends bytes to the 2012 port, half-closes and reads to the end. nil
// means that the server closed normally and said nothing.
func (s *server) send2012(t *testing.T, b []byte) error {
	t.Helper()
	conn := s.dialRaw(t, s.addr2012, "")
	if _, err := conn.Write(b); err != nil {
		return err
	}
	if err := conn.CloseWrite(); err != nil && !errors.Is(err, syscall.ENOTCONN) {
		return err // not connected: reset already, as the read will say
	}
	said, err := io.ReadAll(conn)
	if len(said) > 0 {
		t.Errorf("the 2012 wire has no answer, but there came %q", said)
	}
	return err
}

func (s *server) wantReset2012(t *testing.T, b []byte) {
	t.Helper()
	wantReset(t, s.send2012(t, b))
}

// wantReset checks that an error of a connection is the server's reset.
func wantReset(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) { // EPIPE: a write after it
		t.Fatalf("the server did not reset the connection: %v", err)
	}
}

func enciphered2012(content []byte) []byte {
	key := cipher2012.DeriveKey("password")
	return append(key[:], cipher2012.Encrypt(key, content)...)
}

// The log file of a message of 107 bytes, byte for byte.
func TestLogFile2012(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	content := bytes.Repeat([]byte("A line of 107 b"), 8)[:107]
	wire := enciphered2012(content)
	check(t, s.send2012(t, wire))
	s.logs.wait(t, 1, fields{"wire": "2012", "file": "server_message0.txt", "bytes": "107"})
	s.wantMetric(t, "sealpost_messages_total", "kept 2012", 1)

	var line struct {
		ID, Sender, Name string
		ReceivedAt       time.Time `json:"received_at"`
	}
	check(t, json.Unmarshal(bytes.TrimSpace(s.file(t, logfile.ManifestName)), &line))
	if line.Sender != "-" || line.Name != "" {
		t.Errorf("the manifest names sender %q and message %q", line.Sender, line.Name)
	}
	text := wire[cipher2012.KeySize:]
	at := line.ReceivedAt.UTC().Format("Mon Jan 02, 2006 15:04:05")
	want := fmt.Sprintf("Message Received at: %s\n\n"+
		"Total Encrypted Message Size: 172 bytes\nTotal Decrypted Message Size: 107 bytes\n"+
		"Sender: -\nMessage ID: %s\n-----\nDECRYPTED MESSAGE CONTENT\n-----\n\n%s\n\n"+
		"-----\nENCRYPTED MESSAGE CONTENT\n-----\n\n%s\n%s\n%s\n", at, line.ID, content, text[:76], text[76:152], text[152:])
	if got := s.file(t, "server_message0.txt"); string(got) != want {
		t.Errorf("the log file is\n%s\ninstead of\n%s", got, want)
	}
	s.goesOn(t)
}

// Every content comes back as sent, on either side of the room in memory.
func TestContent2012(t *testing.T) {
	t.Parallel()
	large := make([]byte, 300<<10) // its text does not fit into memory
	rand.Read(large)
	larger := make([]byte, 2<<20) // its text is left out of the log file
	rand.Read(larger)
	s := start(t, options{})
	for i, content := range [][]byte{
		{}, []byte("x"), bytes.Repeat([]byte("b"), 31), bytes.Repeat([]byte("b"), 32), bytes.Repeat([]byte("b"), 64),
		[]byte("lines\r\nof\r\nanother\rworld\r\n"), []byte("\x00\x01\xff\x80"), []byte("Grüße, 世界"),
		[]byte("\n\n-----\nENCRYPTED MESSAGE CONTENT\n-----\n\nnot it\n"),
		[]byte("Message Received at: Sun Jul 22, 2012 20:44:41\n\n-----\nDECRYPTED MESSAGE CONTENT\n-----\n\n"),
		large[:192<<10-32], large[:192<<10], large, larger,
	} {
		check(t, s.send2012(t, enciphered2012(content)))
		if got := s.content(t, logfile.FileName(uint64(i))); !bytes.Equal(got, content) {
			t.Errorf("message %d of %d bytes came back changed", i, len(content))
		}
	}
	s.goesOn(t)
}

// The largest message is taken, one byte more is not.
func TestLimit2012(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1 << 10, 400 << 10} { // in memory, and beyond it
		s := start(t, options{limits: intake.Limits{Message: uint64(limit)}})
		check(t, s.send2012(t, enciphered2012(make([]byte, limit))))
		// The text of the limit has room for some bytes more in its last block.
		for _, over := range []int{1, 32, 1 << 20} {
			s.wantReset2012(t, enciphered2012(make([]byte, limit+over)))
		}
		s.logs.wait(t, 3, fields{"message": "connection closed", "reason": "too large"})
		s.wantMetric(t, "sealpost_connections_closed_total", "too large", 3)
		s.goesOn(t)
		s.wantFiles(t, 3)
	}
}
