package integration

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/token"
)

// client runs the client's image against n and returns what it printed and its
// exit status. env overrides what it is given.
func (n *node) client(env map[string]string, args ...string) (string, int) {
	n.t.Helper()
	host, port, err := net.SplitHostPort(n.addr("7513/tcp"))
	if err != nil {
		n.t.Fatal(err)
	}
	settings := map[string]string{
		"CLIENT_SERVER": net.JoinHostPort(host, port), "CLIENT_TOKEN": n.token.Reveal(),
		"CLIENT_SERVER_IDENTITY": n.pins.String(), "CLIENT_TIMEOUT": stepTimeout.String(),
	}
	for name, value := range env {
		settings[name] = value
	}
	run := []string{"run", "--rm", "--network", "host", "--read-only", "--cap-drop", "ALL", "-v",
		n.messages() + ":/messages:ro"}
	for name, value := range settings {
		run = append(run, "-e", name+"="+value)
	}
	out, err := tryDocker(append(append(run, "sealpost-client"), args...)...)
	return out, exitCode(err)
}

// messages is a directory with a message in it that a container can read.
func (n *node) messages() string {
	n.t.Helper()
	dir := n.t.TempDir()
	for _, step := range []error{
		os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755),
		os.WriteFile(filepath.Join(dir, "report.txt"), []byte("a report"), 0o644),
	} {
		if step != nil {
			n.t.Fatal(step)
		}
	}
	return dir
}

// The client as an operator meets it: what it prints and its exit status.
func TestClient(t *testing.T) {
	t.Parallel()
	n := startServer(t)
	wrongToken, err := token.New("store-17")
	if err != nil {
		t.Fatal(err)
	}
	other, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	otherPin := other.VerifierKey("sealpost/other")
	for _, test := range []struct {
		name string
		env  map[string]string
		args []string
		code int
		says []string
	}{
		{"a file", nil, []string{"/messages/report.txt"}, 0, []string{"server_message0.txt"}},
		{"with a password", nil, []string{"/messages/report.txt", "secret"}, 0, []string{"server_message1.txt"}},
		{"wrong token", map[string]string{"CLIENT_TOKEN": wrongToken.Reveal()}, []string{"/messages/report.txt"}, 3,
			[]string{"no valid token"}},
		{"wrong identity", map[string]string{"CLIENT_SERVER_IDENTITY": otherPin}, []string{"/messages/report.txt"}, 3,
			[]string{otherPin, strings.Split(n.pins.String(), "+")[2]}},
		{"no such file", nil, []string{"/messages/none.txt"}, 2, []string{"none.txt"}},
		{"no arguments", nil, nil, 2, nil},
		{"no identity", map[string]string{"CLIENT_SERVER_IDENTITY": ""}, []string{"/messages/report.txt"}, 2,
			[]string{"CLIENT_SERVER_IDENTITY", "server identity"}},
		{"nobody there", map[string]string{"CLIENT_SERVER": "127.0.0.1:1", "CLIENT_TIMEOUT": "1s"},
			[]string{"/messages/report.txt"}, 4, []string{"-id"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, code := n.client(test.env, test.args...)
			if code != test.code {
				t.Errorf("exit status %d instead of %d:\n%s", code, test.code, out)
			}
			for _, words := range test.says {
				if !strings.Contains(out, words) {
					t.Errorf("it does not say %q:\n%s", words, out)
				}
			}
			if strings.Contains(out, n.token.Reveal()) || strings.Contains(out, wrongToken.Reveal()) {
				t.Errorf("it shows a token:\n%s", out)
			}
		})
	}
	if got := plainOf(t, n.file("server_message1.txt")); string(got) != "a report" {
		t.Errorf("came back as %q", got)
	}
	if out := fmt.Sprint(n.logs()); strings.Contains(out, n.token.Reveal()) {
		t.Error("the server's log shows a token")
	}
}

func (n *node) logs() string {
	n.t.Helper()
	return docker(n.t, "logs", n.GetContainerID())
}
