package integration

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"sealpost/services/server/setup"
)

const (
	examplesDir = "../examples/"
	quickHealth = "testdata/examples.yaml" // looks at health each second
)

// addSender makes a sender, whose settings and more go into the file.
func (s *stack) addSender(file, more string) {
	s.t.Helper()
	settings := s.stdout("exec", "-T", "sealpost", "/server", "sender", "add", "store-17")
	if err := os.WriteFile(file, []byte(settings+more), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// send has the client's image send a message as a sender of its own, in one of the
// stack's networks or, with "host", from this machine.
func (s *stack) send(network, server, message string) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "store-17.env")
	s.addSender(file, "CLIENT_SERVER="+server+"\n")
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

// TestStackThatExists: beside other services, with the ports, the addresses and the
// volumes that a stack has, a message goes in and comes out: volumes that are root's
// and not empty, as file systems of their own are, become the server's, and a driver outside the
// stack collects over passive ports of another range.
func TestStackThatExists(t *testing.T) {
	t.Parallel()
	s := stackOf(t, examplesDir+"compose.yaml", examplesDir+"compose.ftp.yaml", quickHealth)
	secrets, first := ftpSecrets(t), freePorts(t, passivePorts)
	s.env = []string{"COMPOSE_PROFILES=ftp", "SEALPOST_BIND=127.0.0.1", "SEALPOST_PORT=0", "SEALPOST_FTP_PORT=0",
		"SEALPOST_FTP_ADDRESS=127.0.0.1", "SEALPOST_FTP_SECRETS=" + secrets,
		fmt.Sprintf("SEALPOST_FTP_PASV_MIN=%d", first), fmt.Sprintf("SEALPOST_FTP_PASV_MAX=%d", first+passivePorts-1)}
	s.run("run", "--rm", "--entrypoint", "mkdir", "prepare", "/data/lost+found", "/state/lost+found")
	s.run("up", "--no-build", "-d", "--wait", "sealpost", "vsftpd")
	s.send("host", strings.TrimSpace(s.run("port", "sealpost", "7513")), "through the stack\n")
	ftp := strings.TrimSpace(s.run("port", "vsftpd", "21"))
	got := docker(t, "run", "--rm", "--network", "host", "--user", "0:0", "-v", secrets+":/secrets:ro",
		"-e", "DRIVER_FTP_ADDR="+ftp, "-e", "DRIVER_FTP_USER=ftpread",
		"-e", "DRIVER_FTP_PASSWORD_FILE=/secrets/password", "-e", "DRIVER_FTP_CA_FILE=/secrets/cert.pem",
		"-e", "DRIVER_OUTPUT_DIR=/ftpreceived", "-e", "DRIVER_PRINT=full", "sealpost-driver")
	if !strings.Contains(got, "| through the stack\n") {
		t.Errorf("the driver printed %s", got)
	}
	if answer := passive(t, ftp, secrets); !strings.Contains(answer, "(127,0,0,1,") {
		t.Errorf("vsftpd names another address for data connections: %s", answer)
	}
}

// TestSidecar: what an application puts into the volume is sent as it comes, and has
// its receipt there.
func TestSidecar(t *testing.T) {
	t.Parallel()
	s := stackOf(t, examplesDir+"compose.yaml", examplesDir+"compose.sidecar.yaml", quickHealth)
	settings := filepath.Join(t.TempDir(), "store-17.env")
	s.env = []string{"SEALPOST_BIND=127.0.0.1", "SEALPOST_PORT=0", "SEALPOST_SENDER=" + settings}
	s.run("up", "--no-build", "-d", "--wait", "sealpost")
	s.addSender(settings, "")
	s.run("up", "--no-build", "-d", "sender", "app")
	s.run("run", "--rm", "--no-deps", "app", "timeout", "120", "sh", "-c",
		`until ls /outbox/sent/*/now.txt.tlog-proof; do sleep 0.1; done 2>/dev/null`)
	s.run("exec", "-T", "sender", "/client", "healthcheck")
	if logs := s.run("logs", "--no-log-prefix", "sealpost"); !strings.Contains(logs, "message received from store-17") {
		t.Errorf("the server's log has no message:\n%s", logs)
	}
}

// TestCollector: a driver that stays runs the command for a message that comes.
func TestCollector(t *testing.T) {
	t.Parallel()
	s := stackOf(t, examplesDir+"compose.yaml", examplesDir+"compose.collector.yaml", quickHealth)
	secrets, settings := ftpSecrets(t), filepath.Join(t.TempDir(), "collector.env")
	password, err := os.ReadFile(filepath.Join(secrets, "password"))
	if err == nil {
		err = os.WriteFile(settings, nil, 0o600) // compose reads it from the start
	}
	if err != nil {
		t.Fatal(err)
	}
	s.env = []string{"COMPOSE_PROFILES=ftp", "SEALPOST_BIND=127.0.0.1", "SEALPOST_PORT=0",
		"SEALPOST_FTP_SECRETS=" + secrets, "SEALPOST_COLLECTOR=" + settings}
	s.run("build", "--quiet", "collector")
	s.run("up", "--no-build", "-d", "--wait", "sealpost", "vsftpd")
	identity := s.run("exec", "-T", "sealpost", "/server", "identity")
	text := fmt.Appendf(nil, "DRIVER_FTP_PASSWORD=%s\nDRIVER_SERVER_IDENTITY=%s\n", bytes.TrimSpace(password),
		strings.TrimSpace(identity))
	if err := os.WriteFile(settings, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s.run("up", "--no-build", "-d", "collector")
	s.send(s.project+"_default", "sealpost:7513", "collected\n")
	s.run("exec", "-T", "collector", "timeout", "120", "sh", "-c",
		`until [ "$(head -n 1 /ftpreceived/handed)" = 1 ] && /driver healthcheck; do sleep 0.1; done 2>/dev/null`)
	want := fmt.Sprintf("message 0 of store-17: %x", sha256.Sum256([]byte("collected\n")))
	if logs := s.run("logs", "--no-log-prefix", "collector"); !strings.Contains(logs, want) {
		t.Errorf("the collector's log lacks %q:\n%s", want, logs)
	}
}

// passive logs in and asks for a data connection with PASV, whose answer names an
// address; programs that ask with EPSV, as the driver does, need none.
func passive(t *testing.T, addr, secrets string) (answer string) {
	t.Helper()
	password, err := os.ReadFile(filepath.Join(secrets, "password"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := (&net.Dialer{Timeout: stepTimeout}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	conn := textproto.NewConn(raw)
	expect := func(code int, command string, args ...any) {
		t.Helper()
		if command != "" {
			err = conn.PrintfLine(command, args...)
		}
		if err == nil {
			_, answer, err = conn.ReadResponse(code)
		}
		if err != nil {
			t.Fatalf("FTP: %v", err)
		}
	}
	expect(220, "")
	expect(234, "AUTH TLS")
	// The driver has checked this certificate; here it is the answer that counts.
	conn = textproto.NewConn(tls.Client(raw, &tls.Config{InsecureSkipVerify: true})) //nolint:gosec // as said above
	expect(331, "USER ftpread")
	expect(230, "PASS %s", strings.TrimSpace(string(password)))
	expect(227, "PASV")
	return answer
}

const passivePorts = 16 // four for each of the driver's connections

// freePorts returns the first of n ports in a row that nobody has now.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	for first := 21000; first < 30000; first += n {
		if portsFree(t, first, n) {
			return first
		}
	}
	t.Fatal("no ports in a row are free")
	return 0
}

func portsFree(t *testing.T, first, n int) bool {
	t.Helper()
	for port := first; port < first+n; port++ {
		ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		_ = ln.Close()
	}
	return true
}

// ftpSecrets makes vsftpd's password and certificate, which root in a container
// without privileges can read.
func ftpSecrets(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	config := setup.Config{SkipMessages: true, FTPSecretsDir: filepath.Join(dir, "ftp")}
	for name, field := range map[string]*string{"data": &config.DataDir, "state": &config.StateDir,
		"client": &config.ClientSecretsDir, "driver": &config.DriverSecretsDir, "outbox": &config.OutboxDir,
		"received": &config.ReceivedDir} {
		*field = filepath.Join(dir, name)
	}
	err := setup.Run(config, zerolog.Nop())
	for _, name := range []string{"", "password", "cert.pem", "key.pem"} {
		err = errors.Join(err, os.Chmod(filepath.Join(config.FTPSecretsDir, name), 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	return config.FTPSecretsDir
}
