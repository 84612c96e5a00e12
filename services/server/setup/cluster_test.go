package setup

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/state/shared"
)

// clusterVolumesIn returns settings for a cluster whose volumes are empty.
func clusterVolumesIn(t *testing.T) Config {
	t.Helper()
	config := emptyVolumes(t)
	config.Cluster = Cluster{
		ClusterDir:     filepath.Join(filepath.Dir(config.DataDir), "cluster"),
		ClusterServers: Names{"b", "c"}, ClusterNodes: Names{"nats1", "nats2", "nats3"}, ClusterStore: 1 << 30,
	}
	return config
}

// clusterFiles reads every file below the cluster's directory.
func clusterFiles(t *testing.T, config Config) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(config.ClusterDir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(config.ClusterDir, path)
		files[name] = read(t, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestNoClusterUnlessAskedFor(t *testing.T) {
	config := clusterVolumesIn(t)
	dir := config.ClusterDir
	config.ClusterDir = ""
	runOnce(t, config)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestClusterOwnersAndModes(t *testing.T) {
	config := clusterVolumesIn(t)
	runOnce(t, config)
	reader, root := uint32(65532), uint32(0)
	if os.Getuid() != 0 { // nothing may be given away
		reader, root = uint32(os.Getuid()), uint32(os.Getuid())
	}
	type file struct {
		path  string
		mode  fs.FileMode
		owner uint32
	}
	files := []file{
		{"secrets", 0o700, reader}, {"secrets/cluster_key", 0o400, reader},
		{"secrets/nats_password", 0o400, reader}, {"secrets/nats_ca.pem", 0o400, reader},
		{"admin", 0o700, reader}, {"admin/nats_password", 0o400, reader},
		{"authority", 0o700, root}, {"authority/cert.pem", 0o400, root}, {"authority/key.pem", 0o400, root},
		{"authority/route_password", 0o400, root},
	}
	for _, name := range config.ClusterServers {
		dir := "servers/" + name
		files = append(files, file{dir + "/data", 0o755, reader}, file{dir + "/data/logs", 0o755, reader},
			file{dir + "/data/staging", 0o700, reader}, file{dir + "/state", 0o700, reader})
	}
	for _, name := range config.ClusterNodes {
		dir := "nodes/" + name
		files = append(files, file{dir + "/store", 0o700, reader}, file{dir + "/secrets", 0o700, reader})
		for _, secret := range []string{"nats.conf", "cert.pem", "key.pem", "ca.pem"} {
			files = append(files, file{dir + "/secrets/" + secret, 0o400, reader})
		}
	}
	for _, f := range files {
		info, err := os.Lstat(filepath.Join(config.ClusterDir, f.path))
		if err != nil {
			t.Error(err)
			continue
		}
		if owner := info.Sys().(*syscall.Stat_t).Uid; info.Mode().Perm() != f.mode || owner != f.owner {
			t.Errorf("%s: mode %v, owner %d, want %v, %d", f.path, info.Mode().Perm(), owner, f.mode, f.owner)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(config.ClusterDir, "servers/b/state")); err != nil || len(entries) > 0 {
		t.Errorf("another server's state has %v, %v", entries, err)
	}
}

// TestClusterSecondRun: what is lost is made anew, and with it what rests on it.
func TestClusterSecondRun(t *testing.T) {
	config := clusterVolumesIn(t)
	runOnce(t, config)
	const conf = "nodes/nats1/secrets/nats.conf nodes/nats2/secrets/nats.conf nodes/nats3/secrets/nats.conf"
	before := clusterFiles(t, config)
	for _, c := range []struct{ lost, changed string }{
		{"", ""},
		{"nodes/nats2/secrets/nats.conf", ""},
		{"nodes/nats2/secrets/cert.pem", "nodes/nats2/secrets/cert.pem nodes/nats2/secrets/key.pem"},
		{"nodes/nats2/secrets/key.pem", "nodes/nats2/secrets/cert.pem nodes/nats2/secrets/key.pem"},
		{"nodes/nats2/secrets/ca.pem", ""},
		{"secrets/nats_ca.pem", ""},
		{"secrets/nats_password", "secrets/nats_password " + conf},
		{"admin/nats_password", "admin/nats_password " + conf},
		{"authority/route_password", "authority/route_password " + conf},
		{"secrets/cluster_key", "secrets/cluster_key"},
		{"authority/key.pem", "authority/cert.pem authority/key.pem secrets/nats_ca.pem " +
			"nodes/nats1/secrets/ca.pem nodes/nats1/secrets/cert.pem nodes/nats1/secrets/key.pem " +
			"nodes/nats2/secrets/ca.pem nodes/nats2/secrets/cert.pem nodes/nats2/secrets/key.pem " +
			"nodes/nats3/secrets/ca.pem nodes/nats3/secrets/cert.pem nodes/nats3/secrets/key.pem"},
	} {
		if c.lost != "" {
			if err := os.Remove(filepath.Join(config.ClusterDir, c.lost)); err != nil {
				t.Fatal(err)
			}
		}
		runOnce(t, config)
		after := clusterFiles(t, config)
		if len(after) != len(before) {
			t.Errorf("%q lost: %d files, before %d", c.lost, len(after), len(before))
		}
		for name, text := range after {
			changed, want := text != before[name], slices.Contains(strings.Fields(c.changed), name)
			if changed != want {
				t.Errorf("%q lost: %s changed: %t, want %t", c.lost, name, changed, want)
			}
		}
		before = after
	}
}

// TestWhatServersShareIsNotMadeAnew: once servers share a state, another key would not open
// it, and a token that one of them alone knew would be lost.
func TestWhatServersShareIsNotMadeAnew(t *testing.T) {
	config := clusterVolumesIn(t)
	runOnce(t, config)
	key, token := filepath.Join(config.ClusterDir, "secrets/cluster_key"), filepath.Join(config.ClientSecretsDir, "token")
	replace(t, filepath.Join(config.StateDir, "shared_revision"), `{"revision":1}`)
	for _, path := range []string{key, token} {
		kept := read(t, path)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := Run(config, zerolog.Nop()); !errors.Is(err, ErrShared) ||
			!strings.Contains(err.Error(), filepath.Base(path)+": ") {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", path, err)
		}
		replace(t, path, kept)
	}
	replace(t, key, "AGE-SECRET-KEY-1DAMAGED\n")
	if err := Run(config, zerolog.Nop()); !errors.Is(err, shared.ErrKey) {
		t.Errorf("a damaged key: %v", err)
	}
	if read(t, key) != "AGE-SECRET-KEY-1DAMAGED\n" {
		t.Error("a damaged key was replaced")
	}
}

func replace(t *testing.T, path, text string) {
	t.Helper()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFirstServersStateIsGone: it comes from the register. A state made anew would be that of
// another logbook, and clients would pin it.
func TestFirstServersStateIsGone(t *testing.T) {
	config := clusterVolumesIn(t)
	runOnce(t, config)
	before, pin := clusterFiles(t, config), read(t, config.ClientSecretsDir, "identity")
	if err := errors.Join(os.RemoveAll(config.StateDir), os.Mkdir(config.StateDir, 0o755)); err != nil {
		t.Fatal(err)
	}
	runOnce(t, config)
	if entries, err := os.ReadDir(config.StateDir); err != nil || len(entries) > 0 {
		t.Errorf("the state has %v, %v", entries, err)
	}
	if info, err := os.Stat(config.StateDir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	for name, text := range clusterFiles(t, config) {
		if before[name] != text {
			t.Errorf("%s changed", name)
		}
	}
	if read(t, config.ClientSecretsDir, "identity") != pin {
		t.Error("clients pin another server")
	}
}

// pair loads the certificate of a node.
func pair(t *testing.T, config Config, node string) tls.Certificate {
	t.Helper()
	dir := filepath.Join(config.ClusterDir, "nodes", node, "secrets")
	p, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func roots(t *testing.T, elements ...string) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(read(t, elements...))) {
		t.Fatalf("%v holds no certificate", elements)
	}
	return pool
}

// TestNodesKnowEachOther: each side of a route takes a node of its own cluster, and nobody else.
func TestNodesKnowEachOther(t *testing.T) {
	config, other := clusterVolumesIn(t), clusterVolumesIn(t)
	runOnce(t, config)
	runOnce(t, other)
	ca := roots(t, config.ClusterDir, "nodes/nats1/secrets/ca.pem")
	for _, c := range []struct {
		name         string
		server, from tls.Certificate
		asks         string
		taken        bool
	}{
		{"a node", pair(t, config, "nats1"), pair(t, config, "nats2"), "nats1", true},
		{"another node answers", pair(t, config, "nats3"), pair(t, config, "nats2"), "nats1", false},
		{"a stranger asks", pair(t, config, "nats1"), pair(t, other, "nats2"), "nats1", false},
		{"a stranger answers", pair(t, other, "nats1"), pair(t, config, "nats2"), "nats1", false},
		{"nobody asks", pair(t, config, "nats1"), tls.Certificate{}, "nats1", false},
	} {
		err := handshake(t,
			&tls.Config{Certificates: []tls.Certificate{c.server}, ClientCAs: ca,
				ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13},
			&tls.Config{Certificates: []tls.Certificate{c.from}, RootCAs: ca, ServerName: c.asks})
		if (err == nil) != c.taken {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	servers := roots(t, config.ClusterDir, "secrets/nats_ca.pem")
	if err := handshake(t, &tls.Config{Certificates: []tls.Certificate{pair(t, config, "nats2")}},
		&tls.Config{RootCAs: servers, ServerName: "nats2"}); err != nil {
		t.Errorf("a server does not take a node: %v", err)
	}
}

// handshake returns what either side has against the other.
func handshake(t *testing.T, server, client *tls.Config) error {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			defer conn.Close()
			err = errors.Join(conn.SetDeadline(time.Now().Add(patience)), tls.Server(conn, server).Handshake())
		}
		served <- err
	}()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", listener.Addr().String(), client)
	if err == nil {
		defer conn.Close()
	}
	return errors.Join(err, <-served)
}

// TestNodesCertificatesAreRenewedInTime: with their authority, on all nodes.
func TestNodesCertificatesAreRenewedInTime(t *testing.T) {
	config := clusterVolumesIn(t)
	made := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	at := func(now time.Time) string {
		r := run{Config: config, log: zerolog.Nop(), now: now}
		defer r.close()
		if err := errors.Join(r.directories(), r.clusterDirectories(), r.stateAndSender(), r.cluster()); err != nil {
			t.Fatal(err)
		}
		leaf := pair(t, config, "nats1").Leaf
		_, err := leaf.Verify(x509.VerifyOptions{DNSName: "nats1", CurrentTime: now.AddDate(0, 0, 29),
			Roots: roots(t, config.ClusterDir, "nodes/nats2/secrets/ca.pem")})
		if err != nil {
			t.Errorf("at %v: %v", now, err)
		}
		return leaf.SerialNumber.String()
	}
	first, expires := at(made), made.AddDate(10, 0, 0)
	if at(expires.Add(-31*24*time.Hour)) != first {
		t.Error("renewed 31 days before its end")
	}
	second := at(expires.Add(-29 * 24 * time.Hour))
	if second == first {
		t.Error("not renewed 29 days before its end")
	}
	if at(expires) != second {
		t.Error("the new one did not last")
	}
}

// TestNodeTakesItsConfiguration: the real program reads it, and the certificates that it names.
func TestNodeTakesItsConfiguration(t *testing.T) {
	program, err := exec.Command("go", "tool", "-n", "github.com/nats-io/nats-server/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	config := clusterVolumesIn(t)
	runOnce(t, config)
	for _, name := range config.ClusterNodes {
		dir := filepath.Join(config.ClusterDir, "nodes", name, "secrets")
		text := strings.ReplaceAll(read(t, dir, "nats.conf"), "/secrets/", dir+"/")
		path := filepath.Join(t.TempDir(), "nats.conf")
		replace(t, path, text)
		out, err := exec.Command(strings.TrimSpace(string(program)), "-t", "-c", path).CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("is valid")) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		for _, other := range config.ClusterNodes {
			if strings.Contains(text, "@"+other+":6222") != (other != name) {
				t.Errorf("%s: its routes are not those to the others:\n%s", name, text)
			}
		}
	}
}

func TestClusterLogHoldsNoSecret(t *testing.T) {
	config := clusterVolumesIn(t)
	var log bytes.Buffer
	if err := Run(config, zerolog.New(&log)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"secrets/cluster_key", "secrets/nats_password", "admin/nats_password", "authority/route_password",
	} {
		if secret := strings.TrimSuffix(read(t, config.ClusterDir, path), "\n"); strings.Contains(log.String(), secret) {
			t.Errorf("the log shows %s", path)
		}
	}
}

// TestPlantedInTheCluster: one of the servers, or a node, puts a link where the set-up reads
// what it hands to others.
func TestPlantedInTheCluster(t *testing.T) {
	asRoot(t)
	for kind, link := range links {
		for _, name := range []string{
			"secrets/cluster_key", "secrets/nats_password", "admin/nats_password", "nodes/nats1/secrets/cert.pem",
			"nodes/nats1/secrets/key.pem", "servers/b/data/logs", "servers/b/data/staging",
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				config := clusterVolumesIn(t)
				path := private(t, config)
				planted := filepath.Join(config.ClusterDir, name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(planted), 0o755), link(path, planted)); err != nil {
					t.Fatal(err)
				}
				if err := Run(config, zerolog.Nop()); err == nil {
					t.Error("a link was taken")
				}
				untouched(t, path)
				for name, text := range clusterFiles(t, config) {
					if info, err := os.Lstat(filepath.Join(config.ClusterDir, name)); err == nil &&
						info.Mode().IsRegular() && info.Sys().(*syscall.Stat_t).Nlink == 1 &&
						strings.Contains(text, "root's own secret") {
						t.Errorf("%s holds it", name)
					}
				}
			})
		}
	}
}

func TestNames(t *testing.T) {
	for text, want := range map[string]Names{
		"": nil, "a": {"a"}, "nats1,nats2": {"nats1", "nats2"}, "a-b,c": {"a-b", "c"},
		strings.Repeat("a", 63): {strings.Repeat("a", 63)},
	} {
		var n Names
		if err := n.UnmarshalText([]byte(text)); err != nil || !slices.Equal(n, want) || n.String() != text {
			t.Errorf("%q is read as %q, %v", text, n, err)
		}
	}
	for _, text := range []string{
		",", "a,", "a,a", "A", "a b", "a, b", "../a", "a/b", ".", "a.b", "-a", "a-", "a:1", strings.Repeat("a", 64),
		"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
	} {
		var n Names
		if err := n.UnmarshalText([]byte(text)); !errors.Is(err, errNames) || n != nil {
			t.Errorf("%q is read as %q, %v", text, n, err)
		}
	}
}
