package python

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/token"
	"sealpost/shared/message"
)

const send = "send.py"

// contents are messages on either side of the window, and of the room in log
// files for ciphertext.
func contents() map[string][]byte {
	large := make([]byte, 5<<20)
	rand.Read(large)
	return map[string][]byte{
		"report.txt":          []byte("two barges in, one out\n"),
		"empty.txt":           nil,
		"Büro отчёт 報告.txt":   []byte("Grüße\r\n"),
		"window.bin":          large[:256<<10],
		"window-plus-one.bin": large[:256<<10+1],
		"large.bin":           large,
	}
}

// TestSend sends several messages in one connection, with either cipher.
func TestSend(t *testing.T) {
	for _, cipher := range []message.Cipher{message.None, message.Cipher2012} {
		t.Run(string(cipher), func(t *testing.T) {
			t.Parallel()
			server := serve(t)
			env := server.env
			if cipher == message.Cipher2012 {
				env = server.with("CLIENT_PASSWORD", "harbour")
			}
			want := contents()
			receipts, args := t.TempDir(), []string{}
			for name, content := range want {
				args = append(args, writeFile(t, name, content))
			}
			stdout, stderr, status := python(t, env, send, append([]string{"--receipts", receipts}, args...)...)
			if status != 0 || stderr != "" {
				t.Fatalf("status %d\n%s", status, stderr)
			}
			printed := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
			lines := server.manifest(t)
			for seq := range lines {
				entry, plain := server.kept(t, seq)
				if entry.Sender != sender || entry.Cipher != cipher || !bytes.Equal(plain, want[entry.Name]) {
					t.Errorf("entry %+v, %d bytes", entry, len(plain))
				}
				delete(want, entry.Name)
				if _, err := os.Stat(filepath.Join(receipts, entry.ID.String()+".tlog-proof")); err != nil {
					t.Error(err)
				}
			}
			if len(want) > 0 || !sameLines(printed, lines) {
				t.Errorf("printed\n%s\nmanifest\n%s", stdout, strings.Join(lines, "\n"))
			}
			if logs := server.logs(t); strings.Contains(logs, "connection lost") ||
				strings.Contains(logs, server.env["CLIENT_TOKEN"]) {
				t.Errorf("log:\n%s", logs)
			}
			if n := strings.Count(server.logs(t), "client connected from"); n != 1 {
				t.Errorf("%d connections, want 1", n)
			}
		})
	}
}

func sameLines(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	set := make(map[string]bool)
	for _, line := range a {
		set[line] = true
	}
	for _, line := range b {
		if !set[line] {
			return false
		}
	}
	return true
}

// TestSend2012 sends over the 2012 wire, where the server's normal close is the
// only answer, and its reset the only refusal.
func TestSend2012(t *testing.T) {
	server := serve(t)
	env := map[string]string{"CLIENT_WIRE": "2012", "CLIENT_SERVER": server.wire2012, "CLIENT_PASSWORD": "harbour"}
	want := contents()
	var args, names []string
	for name, content := range want {
		args, names = append(args, writeFile(t, name, content)), append(names, name)
	}
	if stdout, stderr, status := python(t, env, send, args...); status != 0 || stdout != "" || stderr != "" {
		t.Fatalf("status %d\n%s%s", status, stdout, stderr)
	}
	for seq, name := range names { // one connection after the other: the order is known
		entry, plain := server.kept(t, seq)
		if entry.Sender != message.NoSender || entry.Name != "" || !bytes.Equal(plain, want[name]) {
			t.Errorf("%s: entry %+v, %d bytes", name, entry, len(plain))
		}
	}
	stdout, stderr, status := python(t, env, send, writeFile(t, "big", make([]byte, largest+1)))
	if status != 4 || stdout != "" || !strings.Contains(stderr, "refused, or not known") ||
		len(server.manifest(t)) != len(names) {
		t.Errorf("too large: status %d\n%s%s", status, stdout, stderr)
	}
	env["CLIENT_SERVER"] = address(t) // where nothing listens
	if _, stderr, status = python(t, env, send, args[0]); status != 4 {
		t.Errorf("no server: status %d\n%s", status, stderr)
	}
}

// TestRepeat: the same id again gets the first answer, also where the body is
// longer than the window and so never sent.
func TestRepeat(t *testing.T) {
	server := serve(t)
	for i, size := range []int{10, 600_000} {
		path, id := writeFile(t, "again.bin", make([]byte, size)), message.NewID().String()
		first, stderr, status := python(t, server.env, send, "--id", id, path)
		if status != 0 {
			t.Fatalf("status %d: %s", status, stderr)
		}
		second, stderr, status := python(t, server.env, send, "--id", id, path)
		if status != 0 || second != first || len(server.manifest(t)) != i+1 {
			t.Errorf("status %d: %s\n%s%s", status, stderr, first, second)
		}
		_, stderr, status = python(t, server.env, send, "--id", id, writeFile(t, "again.bin", []byte("other")))
		if status != 3 || !strings.Contains(stderr, "0x0103") {
			t.Errorf("other content under the same id: status %d: %s", status, stderr)
		}
		_, stderr, status = python(t, server.with("CLIENT_PASSWORD", "harbour"), send, "--id", id, path)
		if status != 3 || !strings.Contains(stderr, "0x0103") {
			t.Errorf("another cipher under the same id: status %d: %s", status, stderr)
		}
	}
}

func TestRefused(t *testing.T) {
	server := serve(t)
	other, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	otherPin := other.VerifierKey("sealpost/other")
	wrong, err := token.New(sender)
	if err != nil {
		t.Fatal(err)
	}
	small, big := writeFile(t, "a.txt", []byte("text")), writeFile(t, "big", make([]byte, largest+1))
	for name, test := range map[string]struct {
		env    map[string]string
		args   []string
		status int
		says   string
	}{
		"wrong pin":       {server.with("CLIENT_SERVER_IDENTITY", otherPin), []string{small}, 3, "expected one of"},
		"wrong token":     {server.with("CLIENT_TOKEN", wrong.Reveal()), []string{small}, 3, "0x0302"},
		"no token at all": {server.with("CLIENT_TOKEN", "hello"), []string{small}, 3, "0x0302"},
		"too large":       {server.env, []string{big}, 3, "0x0101"},
		"bad name":        {server.env, []string{writeFile(t, "a\nb", []byte("text"))}, 3, "0x0102"},
		"no server":       {server.with("CLIENT_SERVER", address(t)), []string{small}, 4, "again: send.py"},
		"no file":         {server.env, []string{small + ".gone"}, 1, "No such file"},
		"no arguments":    {server.env, nil, 2, "usage:"},
		"half an id":      {server.env, []string{"--id", "0011", small}, 2, "32 hex digits"},
		"an id for two":   {server.env, []string{"--id", message.NewID().String(), small, big}, 2, "for one file"},
		"no pin":          {server.with("CLIENT_SERVER_IDENTITY", ""), []string{small}, 2, "usage:"},
		"half a pin": {server.with("CLIENT_SERVER_IDENTITY", otherPin[:len(otherPin)-4]), []string{small}, 2,
			"NAME+HASH+KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, status := python(t, test.env, send, test.args...)
			if status != test.status || stdout != "" || !strings.Contains(stderr, test.says) {
				t.Errorf("status %d, want %d\n%s%s", status, test.status, stderr, stdout)
			}
			if strings.Contains(stderr, test.env["CLIENT_TOKEN"]) {
				t.Errorf("the token is shown: %s", stderr)
			}
		})
	}
	// A refusal is of one message: those around it are delivered.
	stdout, stderr, status := python(t,
		server.with("CLIENT_SERVER_IDENTITY", otherPin+", "+server.env["CLIENT_SERVER_IDENTITY"]),
		send, small, big, small)
	if status != 3 || strings.Count(stdout, "\n") != 2 || !strings.Contains(stderr, "0x0101") {
		t.Errorf("the second of two pins, a refusal between two messages: status %d: %s%s", status, stderr, stdout)
	}
	if lines := server.manifest(t); len(lines) != 2 {
		t.Errorf("%d messages were kept, want 2", len(lines))
	}
}
