package collector_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/shared/logfile"
)

// config is what the tests collect with: no waits between attempts.
func config(t *testing.T, addr string) collector.Config {
	return collector.Config{
		Addr: addr, User: drivertest.User, Password: drivertest.Password,
		Dir: t.TempDir(), Backoff: time.Nanosecond, Log: zerolog.Nop(),
	}
}

// clientTLS trusts the certificate in pem for localhost.
func clientTLS(t *testing.T, pem []byte) *tls.Config {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate")
	}
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

// collect runs Collect and returns the items in the order they came.
func collect(t *testing.T, cfg collector.Config) ([]collector.Item, collector.Result, error) {
	t.Helper()
	var items []collector.Item
	cfg.Each = func(item collector.Item) error {
		items = append(items, item)
		return nil
	}
	result, err := collector.Collect(context.Background(), cfg)
	return items, result, err
}

// mustCollect is collect where nothing may fail.
func mustCollect(t *testing.T, cfg collector.Config) ([]collector.Item, collector.Result) {
	t.Helper()
	items, result, err := collect(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Failures) > 0 {
		t.Fatalf("failures: %v", errors.Join(result.Failures...))
	}
	return items, result
}

// sameFiles checks that dir holds the volume's log files, byte for byte, the
// manifest, and nothing half done.
func sameFiles(t *testing.T, v *drivertest.Volume, dir string) {
	t.Helper()
	want := map[string]bool{logfile.ManifestName: true, ".collecting": true, ".owing": true}
	for _, e := range v.Entries {
		want[e.File] = true
		if !bytes.Equal(read(t, dir, e.File), v.Read(e.File)) {
			t.Errorf("%s differs", e.File)
		}
	}
	if got := string(read(t, dir, logfile.ManifestName)); got != v.Manifest() {
		t.Errorf("kept manifest:\n%s\nwant:\n%s", got, v.Manifest())
	}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !want[path] && !d.IsDir() || path != "." && d.IsDir() && !logfile.IsShard(path) {
			t.Errorf("%s was left behind", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func sampleVolume(t *testing.T, n int) *drivertest.Volume {
	v := drivertest.NewVolume(t)
	v.AddEnciphered("one.txt", []byte(strings.Repeat("x", 107)), "secret")
	v.Add("empty.txt", nil)
	v.Add("separators.txt", []byte("\n-----\nENCRYPTED MESSAGE CONTENT\n-----\n\n\r\n"))
	noise := make([]byte, 300<<10)
	rand.NewChaCha8([32]byte{7}).Read(noise)
	v.AddEnciphered("noise.bin", noise, "secret")
	for len(v.Entries) < n {
		v.Add(fmt.Sprintf("%d.txt", len(v.Entries)), []byte(strings.Repeat("line\n", len(v.Entries))))
	}
	return v
}

func TestCollects(t *testing.T) {
	certificate, ca := drivertest.Certificate(t)
	for _, test := range []struct {
		name        string
		tls         bool
		connections int
	}{
		{"TLS", true, 4},
		{"TLS, one connection", true, 1},
		{"plain", false, 4},
		{"plain, one connection", false, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := sampleVolume(t, 40)
			var cfg collector.Config
			if test.tls {
				cfg = config(t, drivertest.Serve(t, v.Dir, &certificate))
				cfg.TLS = clientTLS(t, ca)
			} else {
				cfg = config(t, drivertest.Serve(t, v.Dir, nil))
			}
			cfg.Connections = test.connections
			cfg.Progress = new(collector.Progress)
			items, result := mustCollect(t, cfg)
			sameFiles(t, v, cfg.Dir)
			if result.Files != 40 || result.New != 40 || len(items) != 40 {
				t.Errorf("result %+v, %d items", result, len(items))
			}
			for i, item := range items {
				if item.Entry != v.Entries[i] || !item.New || item.Path != filepath.Join(cfg.Dir, item.Entry.File) {
					t.Fatalf("item %d: %+v", i, item)
				}
			}
			if done, all := cfg.Progress.Files(); done != 40 || all != 40 || cfg.Progress.Bytes() != result.Bytes {
				t.Errorf("progress %d of %d, %d bytes", done, all, cfg.Progress.Bytes())
			}
		})
	}
}

func TestFetchesOnlyWhatIsNew(t *testing.T) {
	v := sampleVolume(t, 5)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	mustCollect(t, cfg)
	if _, result := mustCollect(t, cfg); result.New != 0 || result.Files != 5 {
		t.Errorf("second run: %+v", result)
	}
	v.Add("later.txt", []byte("later"))
	items, result := mustCollect(t, cfg)
	if result.New != 1 || result.Files != 6 || !items[5].New || items[4].New {
		t.Errorf("third run: %+v", result)
	}
	sameFiles(t, v, cfg.Dir)
}

func TestLineCountsOnceItsEndIsThere(t *testing.T) {
	v := sampleVolume(t, 5)
	cfg := config(t, drivertest.Serve(t, v.Dir, nil))
	whole := v.Manifest()
	for cut := 1; cut < 400; cut += 57 {
		v.SetManifest(whole[:len(whole)-cut])
		if _, result := mustCollect(t, cfg); result.Files != 4 {
			t.Fatalf("%d bytes cut off: %+v", cut, result)
		}
	}
	v.SetManifest(whole)
	if _, result := mustCollect(t, cfg); result.New != 1 {
		t.Errorf("whole again: %+v", result)
	}
	sameFiles(t, v, cfg.Dir)
}

// filesOf is the volume as a misbehaving server holds it.
func filesOf(v *drivertest.Volume) map[string][]byte {
	files := map[string][]byte{logfile.ManifestName: v.Read(logfile.ManifestName)}
	for _, e := range v.Entries {
		files[e.File] = v.Read(e.File)
	}
	return files
}

// inTime tries with ever longer deadlines, for tests in which a server never
// answers: it must be given up after any of them, and all other steps must be
// over by then, for which the first may be too short on a busy machine.
func inTime(t *testing.T, try func(deadline time.Duration) error) {
	t.Helper()
	var err error
	for deadline := 500 * time.Millisecond; deadline < time.Minute; deadline *= 4 {
		if err = try(deadline); err == nil {
			return
		}
		t.Logf("with %v: %v", deadline, err)
	}
	t.Error(err)
}
