package run_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sealpost/services/driver/audit"
	"sealpost/services/driver/collector"
	"sealpost/services/driver/drivertest"
	"sealpost/services/driver/run"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/nettest"
	"sealpost/shared/settings"
)

// copyOf is another server with the same files, which does not change with the first.
func copyOf(t *testing.T, v *drivertest.Volume) (*drivertest.Volume, string) {
	t.Helper()
	other := *v
	other.Dir = t.TempDir()
	if err := os.CopyFS(other.Dir, os.DirFS(v.Dir)); err != nil {
		t.Fatal(err)
	}
	return &other, drivertest.Serve(t, other.Dir, nil)
}

// at has the driver try these addresses.
func at(cfg *run.Settings, list ...string) {
	cfg.FTPAddr = settings.Addresses(strings.Join(list, ","))
}

func TestSecondAddress(t *testing.T) {
	v, cfg := signedVolume(t, 2)
	v.PutCheckpoint(2)
	server := string(cfg.FTPAddr)
	at(&cfg, nettest.Nobody(t), server)
	out, log, err := start(cfg)
	if err != nil || !strings.Contains(out, "2 files, ") || !strings.Contains(out, "2 new") {
		t.Errorf("%v\n%s", err, out)
	}
	if strings.Count(log, "this address served") != 1 || !strings.Contains(log, "trying the next one") {
		t.Errorf("log:\n%s", log)
	}
}

// TestCertificateOfTheAddress: the name in it is the host of the address at hand.
func TestCertificateOfTheAddress(t *testing.T) {
	v, cfg := signedVolume(t, 1)
	v.PutCheckpoint(1)
	certificate, authority := drivertest.Certificate(t)
	_, port, err := net.SplitHostPort(drivertest.Serve(t, v.Dir, &certificate))
	cfg.FTPTLS, cfg.FTPCAFile = "explicit", filepath.Join(t.TempDir(), "ca.pem")
	if err := errors.Join(err, os.WriteFile(cfg.FTPCAFile, authority, 0o644)); err != nil {
		t.Fatal(err)
	}
	at(&cfg, nettest.Nobody(t), "localhost:"+port)
	if _, log, err := start(cfg); err != nil {
		t.Errorf("%v\n%s", err, log)
	}
}

// TestLagAtTheFirst: what would be a rollback at one address is none where the second
// one goes on.
func TestLagAtTheFirst(t *testing.T) {
	for name, lag := range map[string]struct {
		behind func(*drivertest.Volume)
		alone  error
	}{
		"manifest": {func(v *drivertest.Volume) { v.SetManifest(v.Lines(2)) }, collector.ErrBehind},
		"manifest behind its checkpoint": {func(v *drivertest.Volume) {
			v.SetManifest(v.Lines(3))
			v.PutCheckpoint(5)
		}, audit.ErrShort},
		"list of retired messages": {func(v *drivertest.Volume) {
			v.Write(logfile.RetiredName, []byte(v.SignRetired(1, "0")))
		}, receipt.ErrLowerSerial},
		"no list of retired messages": {func(v *drivertest.Volume) { v.Remove(logfile.RetiredName) }, run.ErrRetiredGone},
	} {
		t.Run(name, func(t *testing.T) {
			v, cfg := signedVolume(t, 3)
			v.PutCheckpoint(3)
			v.Retire(2, "0", 0)
			if _, _, err := start(cfg); err != nil {
				t.Fatal(err)
			}
			server := string(cfg.FTPAddr)
			v.Add("b.txt", []byte("text"))
			v.Add("c.txt", []byte("text"))
			v.PutCheckpoint(5)
			late, behind := copyOf(t, v)
			lag.behind(late)
			at(&cfg, behind)
			if _, _, err := start(cfg); !errors.Is(err, lag.alone) {
				t.Errorf("alone: %v", err)
			}
			at(&cfg, behind, server)
			if _, log, err := start(cfg); err != nil || kept(t, cfg) != v.SignCheckpoint(5) {
				t.Errorf("%v\n%s", err, log)
			}
		})
	}
}

// TestLagEverywhere is a failure once it has lasted for DRIVER_LAG, and none if it ends
// before.
func TestLagEverywhere(t *testing.T) {
	v, cfg := signedVolume(t, 3)
	v.PutCheckpoint(3)
	if _, _, err := start(cfg); err != nil {
		t.Fatal(err)
	}
	server, whole := string(cfg.FTPAddr), v.Manifest()
	v.SetManifest(v.Lines(2))
	v.PutCheckpoint(2)
	_, second := copyOf(t, v)
	at(&cfg, server, second)
	cfg.Lag = time.Millisecond
	_, log, err := start(cfg)
	var failed *run.FailedError
	var address *run.AddressError
	if !errors.As(err, &failed) || len(failed.Failures) != 2 || !errors.Is(err, collector.ErrBehind) ||
		!errors.As(err, &address) || address.Addr != server {
		t.Errorf("%v\n%s", err, log)
	}

	cfg.Lag = time.Minute
	cfg.LogFormat = "json"
	j := &journal{written: make(chan struct{}, 1)}
	done := make(chan error, 1)
	go func() { done <- run.Run(t.Context(), cfg, nil, j, j) }()
	j.await(t, "trying the next one", 2)
	v.SetManifest(whole)
	if err := <-done; err != nil {
		t.Errorf("%v\n%s", err, j)
	}
}

// TestNoHopeAnywhere: what no time mends is not waited for.
func TestNoHopeAnywhere(t *testing.T) {
	v, cfg := signedVolume(t, 1)
	_, second := copyOf(t, v)
	at(&cfg, string(cfg.FTPAddr), second)
	cfg.FTPPassword, cfg.Lag = "wrong", time.Hour
	var connect *collector.ConnectError
	if _, _, err := start(cfg); !errors.As(err, &connect) || !connect.Login {
		t.Error(err)
	}
}

// TestAnotherPastIsNoLag: it stops the run though another address would serve.
func TestAnotherPastIsNoLag(t *testing.T) {
	v, cfg := signedVolume(t, 3)
	v.PutCheckpoint(3)
	if _, _, err := start(cfg); err != nil {
		t.Fatal(err)
	}
	forged, first := copyOf(t, v)
	forged.Replace(1, []byte("another"))
	at(&cfg, first, string(cfg.FTPAddr))
	cfg.Lag = time.Hour
	if _, log, err := start(cfg); !errors.Is(err, collector.ErrChanged) || strings.Contains(log, "address served") {
		t.Errorf("%v\n%s", err, log)
	}
}

// TestFollowAddresses: the next one serves while the first is behind, the first again
// once it is not, and what is behind at all of them for long ends it.
func TestFollowAddresses(t *testing.T) {
	v, cfg := signedVolume(t, 2)
	v.PutCheckpoint(2)
	first := string(cfg.FTPAddr)
	other, second := copyOf(t, v)
	at(&cfg, first, second)
	cfg.Lag = time.Millisecond
	f := follow(t, cfg)
	f.await(t, "this address served", 1)
	whole := v.Manifest()
	v.SetManifest(v.Lines(1))
	f.await(t, "this address served", 2)
	v.SetManifest(whole)
	f.await(t, "this address served", 3)
	other.SetManifest(other.Lines(1))
	v.SetManifest(v.Lines(1))
	select {
	case err := <-f.done:
		if !errors.Is(err, collector.ErrBehind) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("it goes on:\n%s", f)
	}
	var order []string
	line := regexp.MustCompile(`"server":"([^"]*)",[^}]*address served"`)
	for _, found := range line.FindAllStringSubmatch(f.String(), -1) {
		order = append(order, found[1])
	}
	if !slices.Equal(order, []string{first, second, first}) {
		t.Errorf("served by %q", order)
	}
}

// TestFollowWithOneAway: what is behind is not final while another address may serve.
func TestFollowWithOneAway(t *testing.T) {
	v, cfg := signedVolume(t, 2)
	v.PutCheckpoint(2)
	whole := v.Manifest()
	at(&cfg, nettest.Nobody(t), string(cfg.FTPAddr))
	f := follow(t, cfg)
	f.await(t, "up to date", 1)
	v.SetManifest(v.Lines(1))
	f.await(t, "trouble, trying again", 1)
	v.SetManifest(whole)
	f.awaitWhile(t, "the trouble is over", 1, f.done)
	f.end()
	if err := <-f.done; err != nil {
		t.Error(err)
	}
}

// in lists a directory, without hidden files and without the empty manifest that a run
// makes.
func in(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(e.Name(), ".") && info.Size() > 0 {
			names = append(names, filepath.Base(e.Name()))
		}
	}
	return names
}
