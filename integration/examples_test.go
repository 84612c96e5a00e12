package integration

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const examplesDir = "../examples/"

// send has the client's image send a message as a sender of its own, in one of the
// stack's networks or, with "host", from this machine.
func (s *stack) send(network, server, message string) {
	s.t.Helper()
	settings := s.run("exec", "-T", "sealpost", "/server", "sender", "add", "store-17")
	file := filepath.Join(s.t.TempDir(), "store-17.env")
	if err := os.WriteFile(file, []byte(settings+"CLIENT_SERVER="+server+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), stepTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", "run", "--rm", "-i", "--network", network, "--env-file", file,
		"sealpost-client", "-")
	cmd.Stdin = strings.NewReader(message)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("the client: %v\n%s", err, out)
	}
}

// TestBehindHAProxy: the example's server logs the sender's own address, which is
// one of the network in front, and no address of HAProxy's.
func TestBehindHAProxy(t *testing.T) {
	t.Parallel()
	s := stackOf(t, examplesDir+"haproxy/compose.yaml")
	s.env = []string{"SEALPOST_BIND=127.0.0.1", "SEALPOST_PORT=0"}
	s.run("build", "--quiet", "haproxy")
	s.run("up", "--no-build", "-d", "--wait")
	front := s.project + "_front"
	s.send(front, "haproxy:7513", "through a proxy\n")
	logs := s.run("logs", "--no-log-prefix", "sealpost")
	m := regexp.MustCompile(`client connected from ([0-9.]+):`).FindStringSubmatch(logs)
	if m == nil {
		t.Fatalf("no sender in the log:\n%s", logs)
	}
	subnet := strings.TrimSpace(docker(t, "network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", front))
	addr, network := netip.MustParseAddr(m[1]), netip.MustParsePrefix(subnet)
	proxy := docker(t, "inspect", "-f", `{{range .NetworkSettings.Networks}}[{{.IPAddress}}]{{end}}`,
		s.project+"-haproxy-1")
	if !network.Contains(addr) || strings.Contains(proxy, "["+m[1]+"]") {
		t.Errorf("the sender is %v; the network in front is %v, the proxy %s", addr, network, proxy)
	}
}
