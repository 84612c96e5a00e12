package faults

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"sealpost/services/driver/drivertest"
	"sealpost/shared/logfile"
)

// setLayout has the server's next start put new log files into directories, or not.
func (s *server) setLayout(layout string) { s.env = append(s.env, "SERVER_LOG_LAYOUT="+layout) }

// TestLayoutChanges: a volume with flat log files goes on with sharded ones and back.
// All of it verifies, and a driver collects each file where the manifest names it.
func TestLayoutChanges(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	f := newFleet(s, s.listen, 3, defaultStall)
	received := filepath.Join(t.TempDir(), "received")
	for _, layout := range []string{"flat", "sharded", "flat"} {
		s.setLayout(layout)
		s.start()
		s.await(ready)
		for range 4 {
			f.mustDeliver(f.next())
		}
		if out, complaint, status := s.command("verify"); status != 0 {
			t.Errorf("%s: status %d:\n%s%s", layout, status, out, complaint)
		}
		s.collect(f, received)
		s.stop()
	}
	var want []string
	for seq := range uint64(12) {
		if file := logfile.FileName(seq); seq < 4 || seq >= 8 {
			want = append(want, file)
		} else {
			want = append(want, logfile.ShardedPath(seq))
		}
	}
	slices.Sort(want)
	for _, dir := range []string{filepath.Join(s.data, "logs"), received} {
		if got := logFiles(t, dir); !slices.Equal(got, want) {
			t.Errorf("%s holds %q, want %q", dir, got, want)
		}
	}
	results.report(t, "17 another layout", s.audit(f.ledger))
}

// collect runs a driver, which must fail over nothing.
func (s *server) collect(f *fleet, received string) {
	s.t.Helper()
	cmd := exec.CommandContext(patient(s.t), filepath.Join(programs, "driver"))
	cmd.Env = append(os.Environ(), "DRIVER_FTP_TLS=off",
		"DRIVER_FTP_ADDR="+drivertest.Serve(s.t, filepath.Join(s.data, "logs"), nil),
		"DRIVER_FTP_USER="+drivertest.User, "DRIVER_FTP_PASSWORD="+drivertest.Password,
		"DRIVER_OUTPUT_DIR="+received, "DRIVER_LOG_LEVEL=warn", "DRIVER_SERVER_IDENTITY="+f.senders[0].pins.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Errorf("driver: %v\n%s", err, out)
	}
}

// logFiles lists the log files below a directory.
func logFiles(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
		if _, ok := logfile.ParsePath(path); ok {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}
