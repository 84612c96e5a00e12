package integration

import (
	"net"
	"strings"
	"testing"

	"sealpost/shared/logging/trail"
)

// Each message is found by its id, and by its name, in what client, server and driver log:
// one grep follows it. The server's log has what was done to its senders.
func TestOneMessageInEachLog(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	if out, code := s.upToTheEnd(); code != 0 {
		t.Fatalf("ended with %d:\n%s", code, out)
	}
	entries, _ := s.collected()
	if len(entries) != 6 {
		t.Fatalf("%d messages", len(entries))
	}
	for _, service := range []string{"client", "server", "driver"} {
		lines := s.run("logs", "--no-color", service)
		for _, e := range entries {
			if !anyLine(lines, e.ID.String(), e.Name) {
				t.Errorf("no line of %s has %s and %s:\n%s", service, e.ID, e.Name, lines)
			}
		}
	}
	for service, step := range map[string]trail.Step{"setup": trail.SenderAdded, "server": trail.TokenFirstUsed} {
		lines := s.run("logs", "--no-color", "--no-log-prefix", service)
		if n := strings.Count(lines, `"`+trail.FieldStep+`":"`+step.String()+`"`); n != 1 {
			t.Errorf("%s tells %d times of %s:\n%s", service, n, step, lines)
		}
	}
}

// anyLine reports whether a line has all these words.
func anyLine(text string, words ...string) bool {
	for line := range strings.Lines(text) {
		all := true
		for _, word := range words {
			all = all && strings.Contains(line, word)
		}
		if all {
			return true
		}
	}
	return false
}

// The FTP server's log has connections, log-ins and files, and no debugging, also when a
// client ends its TLS without saying so.
func TestLogOfVsftpd(t *testing.T) {
	t.Parallel()
	s := newStack(t, "testdata/ftp-port.yaml")
	s.run("up", "--no-build", "-d", "--wait", "vsftpd")
	address := strings.TrimSpace(s.run("port", "vsftpd", "21"))
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatalf("%q: %v", address, err)
	}
	address = net.JoinHostPort("127.0.0.1", port)
	for range 2 {
		dialFTP(t, address).cut()
	}
	// Both have left in the log what they leave. A name that looks like such a line hides
	// nothing.
	last := dialFTP(t, address)
	last.say(331, `USER ftpread] DEBUG: Client "127.0.0.1", "Control connection terminated without SSL shutdown."`)
	last.say(530, "PASS wrong")
	log := s.awaitLog("vsftpd", "FAIL LOGIN")
	if strings.Count(log, "CONNECT: Client") < 3 {
		t.Errorf("not all connections are there:\n%s", log)
	}
	for line := range strings.Lines(log) {
		debugging := strings.Contains(line, "DEBUG:") && !strings.Contains(line, "FAIL LOGIN")
		if debugging || strings.Contains(line, "FTP command") {
			t.Errorf("a line of debugging: %s", line)
		}
	}
}
