package daemon_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/daemon"
	"sealpost/services/server/state"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/crypto/token"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
	"sealpost/shared/settings"
)

// script is a client in another language, written from docs/PROTOCOL.md.
const script = "../../../docs/examples/python/send.py"

// python runs the script and returns what it printed and its exit status.
func python(t *testing.T, env map[string]string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	interpreter, err := exec.LookPath("python3")
	if err != nil {
		t.Fatalf("this test needs python3: %v", err)
	}
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(t.Context(), interpreter, append([]string{"-I", "-B", script}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &complaints
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "PYTHONUTF8=1"}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var failed *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return out.String(), complaints.String(), cmd.ProcessState.ExitCode()
}

// running is a server of this process, and what a client's env file says of it.
type running struct {
	dir  string
	env  map[string]string
	logs func() string
}

const largestForPython = 1 << 20

func serveForPython(t *testing.T) *running {
	t.Helper()
	dir := t.TempDir()
	st, err := state.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := st.AddSender("store-17")
	if err != nil {
		t.Fatal(err)
	}
	cfg := daemon.Config{
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0",
		DataDir: dir, StateDir: filepath.Join(dir, "state"),
		MaxMessageBytes: settings.Bytes(largestForPython), MaxStagedBytes: 1 << 30, LogCiphertextMax: 1 << 20,
		DrainTimeout: 5 * time.Second,
	}
	var logs lockedBuffer
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, cfg, zerolog.New(&logs), daemon.Options{
			OnListen: func(sealpost, _, _ net.Addr) { ready <- sealpost.String() }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case address := <-ready:
		return &running{dir: dir, logs: logs.String, env: map[string]string{
			"CLIENT_SERVER": address, "CLIENT_TOKEN": tok.Reveal(),
			"CLIENT_SERVER_IDENTITY": st.Identity().VerifierKey(receipt.Origin(st.LogbookID())),
		}}
	case err := <-ended:
		ended <- err
		t.Fatalf("the server did not start: %v", err)
		return nil
	}
}

// with returns the server's env file with one value changed.
func (r *running) with(name, value string) map[string]string {
	env := map[string]string{name: value}
	for k, v := range r.env {
		if k != name {
			env[k] = v
		}
	}
	return env
}

// manifest returns the manifest's lines.
func (r *running) manifest(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "logs", logfile.ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func writeFile(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPythonClient(t *testing.T) {
	server := serveForPython(t)
	large := make([]byte, 700_000) // more than the window, no multiple of a record
	rand.Read(large)
	for i, test := range []struct {
		name    string
		content []byte
	}{
		{"report.txt", []byte("two barges in, one out\n")},
		{"empty.txt", nil},
		{"Büro отчёт 報告.txt", []byte("Grüße\r\n")},
		{"window.bin", large[:256<<10]},
		{"window-plus-one.bin", large[:256<<10+1]},
		{"large.bin", large},
	} {
		t.Run(test.name, func(t *testing.T) {
			stdout, stderr, status := python(t, server.env, writeFile(t, test.name, test.content))
			lines := server.manifest(t)
			if status != 0 || stderr != "" || len(lines) != i+1 || stdout != lines[i]+"\n" {
				t.Fatalf("status %d\n%s%smanifest:\n%s", status, stderr, stdout, strings.Join(lines, "\n"))
			}
			entry, err := logfile.ParseLine([]byte(lines[i]))
			if err != nil {
				t.Fatal(err)
			}
			if entry.Sender != "store-17" || entry.Name != test.name || entry.Cipher != message.None || entry.Size != uint64(len(test.content)) {
				t.Errorf("entry %+v", entry)
			}
			if got := readLogFile(t, filepath.Join(server.dir, "logs", entry.File)); !bytes.Equal(got, test.content) {
				t.Errorf("the log file holds %d other bytes", len(got))
			}
		})
	}
	if logs := server.logs(); strings.Contains(logs, "connection lost") || strings.Contains(logs, server.env["CLIENT_TOKEN"]) {
		t.Errorf("log:\n%s", logs)
	}
}

func readLogFile(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := logfile.Parse(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(parsed.Plain())
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// TestPythonRepeat: the same id again gets the first answer, also where the body
// is longer than the window and so never sent.
func TestPythonRepeat(t *testing.T) {
	server := serveForPython(t)
	for i, size := range []int{10, 600_000} {
		path, id := writeFile(t, "again.bin", make([]byte, size)), message.NewID().String()
		first, stderr, status := python(t, server.env, path, id)
		if status != 0 {
			t.Fatalf("status %d: %s", status, stderr)
		}
		second, stderr, status := python(t, server.env, path, id)
		if status != 0 || second != first || len(server.manifest(t)) != i+1 {
			t.Errorf("status %d: %s\n%s%s", status, stderr, first, second)
		}
		_, stderr, status = python(t, server.env, writeFile(t, "again.bin", []byte("other")), id)
		if status != 3 || !strings.Contains(stderr, "0x0103") {
			t.Errorf("other content under the same id: status %d: %s", status, stderr)
		}
	}
}

func TestPythonRefused(t *testing.T) {
	server := serveForPython(t)
	other, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	otherPin := other.VerifierKey("sealpost/other")
	wrong, err := token.New("store-17")
	if err != nil {
		t.Fatal(err)
	}
	small := writeFile(t, "a.txt", []byte("text"))
	nobody := closedPort(t)
	for name, test := range map[string]struct {
		env    map[string]string
		args   []string
		status int
		says   string
	}{
		"wrong pin":       {server.with("CLIENT_SERVER_IDENTITY", otherPin), []string{small}, 3, "expected one of"},
		"wrong token":     {server.with("CLIENT_TOKEN", wrong.Reveal()), []string{small}, 3, "0x0302"},
		"no token at all": {server.with("CLIENT_TOKEN", "hello"), []string{small}, 3, "0x0302"},
		"too large":       {server.env, []string{writeFile(t, "big", make([]byte, largestForPython+1))}, 3, "0x0101"},
		"bad name":        {server.env, []string{writeFile(t, "a\nb", []byte("text"))}, 3, "0x0102"},
		"no server":       {server.with("CLIENT_SERVER", nobody), []string{small}, 4, "again: send.py"},
		"no file":         {server.env, []string{small + ".gone"}, 1, "No such file"},
		"no arguments":    {server.env, nil, 2, "usage:"},
		"half an id":      {server.env, []string{small, "0011"}, 2, "32 hex digits"},
		"no pin":          {server.with("CLIENT_SERVER_IDENTITY", ""), []string{small}, 2, "usage:"},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, status := python(t, test.env, test.args...)
			if status != test.status || stdout != "" || !strings.Contains(stderr, test.says) {
				t.Errorf("status %d, want %d\n%s%s", status, test.status, stderr, stdout)
			}
			if strings.Contains(stderr, test.env["CLIENT_TOKEN"]) {
				t.Errorf("the token is shown: %s", stderr)
			}
		})
	}
	if _, stderr, status := python(t, server.with("CLIENT_SERVER_IDENTITY", otherPin+", "+server.env["CLIENT_SERVER_IDENTITY"]), small); status != 0 {
		t.Errorf("the second of two pins: status %d: %s", status, stderr)
	}
	if lines := server.manifest(t); len(lines) != 1 {
		t.Errorf("%d messages were kept, want 1", len(lines))
	}
}

// closedPort returns an address that nothing listens on.
func closedPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// TestPythonImpostor: a server that does not hold the pinned key, but whose
// certificate carries it in a place where a careless look finds it, gets no
// token.
func TestPythonImpostor(t *testing.T) {
	pinned, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	impostor, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	pinnedInfo, err := x509.MarshalPKIXPublicKey(pinned.Public())
	if err != nil {
		t.Fatal(err)
	}
	own, err := impostor.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	withPinned := func(oid ...int) [][]byte { return [][]byte{carrying(t, own.PrivateKey, pinnedInfo, oid)} }
	pinnedCert, err := pinned.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		certificates [][]byte
		change       func(*tls.Config)
		status       int
	}{
		"its own certificate":        {own.Certificate, nil, 3},
		"the key in an extension":    {withPinned(1, 2, 3, 4), nil, 3},
		"the pinned one behind it":   {[][]byte{own.Certificate[0], pinnedCert.Certificate[0]}, nil, 3},
		"the key behind BER lengths": {[][]byte{indefinite(own.Certificate[0], pinnedInfo)}, nil, 4},
		"the pinned certificate":     {pinnedCert.Certificate, nil, 4},
		"TLS 1.2":                    {own.Certificate, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }, 4},
		"no ALPN":                    {own.Certificate, func(c *tls.Config) { c.NextProtos, c.GetConfigForClient, c.VerifyConnection = nil, nil, nil }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			pin := pinned
			if test.change != nil {
				pin = impostor // the key is right, the rest is not
			}
			config := identity.ServerTLSWith(tls.Certificate{Certificate: test.certificates, PrivateKey: own.PrivateKey})
			if test.change != nil {
				test.change(config)
			}
			address, heard := listenOnce(t, config)
			tok, err := token.New("store-17")
			if err != nil {
				t.Fatal(err)
			}
			_, stderr, status := python(t, map[string]string{
				"CLIENT_SERVER": address, "CLIENT_TOKEN": tok.Reveal(), "CLIENT_SERVER_IDENTITY": pin.VerifierKey("sealpost/x"),
			}, writeFile(t, "a.txt", []byte("text")))
			if got := <-heard; status != test.status || len(got) > 0 {
				t.Errorf("status %d, want %d; the server heard %q\n%s", status, test.status, got, stderr)
			}
		})
	}
}

// listenOnce takes one TLS connection and returns what the client said in it.
func listenOnce(t *testing.T, config *tls.Config) (address string, heard <-chan []byte) {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	result := make(chan []byte, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			result <- nil
			return
		}
		defer conn.Close()
		all, _ := io.ReadAll(bufio.NewReader(conn)) // an error is an end as good as another
		result <- all
	}()
	return ln.Addr().String(), result
}

// carrying makes a certificate for key with info in an extension.
func carrying(t *testing.T, key any, info []byte, oid asn1.ObjectIdentifier) []byte {
	t.Helper()
	private := key.(ed25519.PrivateKey)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sealpost"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<40, 0),
		ExtraExtensions: []pkix.Extension{{Id: oid, Value: info}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// indefinite rewrites the signature algorithm in a certificate so that it has
// indefinite lengths, which BER allows and DER does not. Who takes such a
// length for zero goes on to read inside it, and finds info where the public
// key should be; OpenSSL, which reads them right, sees the real key behind.
func indefinite(certificate, info []byte) []byte {
	algorithm := []byte{0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70}
	decoy := []byte{0x30, 0x80, 0x06, 0x03, 0x2b, 0x65, 0x70} // SEQUENCE, of any length; the OID stands for the issuer
	decoy = append(decoy, 0x30, 0x80)                         // parameters, of any length; read as the validity
	decoy = append(decoy, 0x30, 0x00)                         // inside them: read as the subject
	decoy = append(decoy, info...)                            // and as the public key
	decoy = append(decoy, 0, 0, 0, 0)                         // both end here
	var outer, tbs asn1.RawValue
	rest, _ := asn1.Unmarshal(certificate, &outer)
	behind, _ := asn1.Unmarshal(outer.Bytes, &tbs)
	content := bytes.Replace(tbs.Bytes, algorithm, decoy, 1)
	tbs.FullBytes, _ = asn1.Marshal(asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSequence, IsCompound: true, Bytes: content})
	whole, _ := asn1.Marshal(asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSequence, IsCompound: true,
		Bytes: append(tbs.FullBytes, behind...)})
	return append(whole, rest...)
}
