package faults

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sealpost/services/driver/drivertest"
	"sealpost/shared/digest"
	"sealpost/shared/logfile"
)

// TestLargeFileCollected cuts a large log file off three times on its way to the driver:
// by its data connection, with the driver killed, and by the whole session. Each time it
// goes on where it was, so that little is fetched twice.
func TestLargeFileCollected(t *testing.T) {
	t.Parallel()
	size := int64(rounds(192<<20, 1<<30))
	s := newServer(t)
	s.start()
	s.await(ready)
	b := newLargeBox(s, s.listen, size)
	if err := b.start().Wait(); err != nil {
		t.Fatal(err)
	}
	s.stop()

	logs := filepath.Join(s.data, "logs")
	tolls := newTolls(size/10*3, size/10*5, size/10*8)
	r := newFTPRelay(t, drivertest.Serve(t, logs, nil), tolls.pass)
	dir := filepath.Join(t.TempDir(), "out")
	driver := b.collector(r.addr(), dir)
	tolls.await(t)
	r.cut()
	tolls.open()
	tolls.await(t)
	_ = driver.Process.Kill()
	_ = driver.Wait() // it was killed
	tolls.open()
	driver = b.collector(r.addr(), dir)
	tolls.await(t)
	r.shed()
	tolls.open()
	if err := driver.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, driver.Stderr)
	}
	fetched := tolls.sent()
	t.Logf("%d KiB were fetched of a message of %d", fetched>>10, size>>10)
	if fetched >= size/10*11 {
		t.Error("too much was fetched again")
	}
	if sumOf(t, filepath.Join(dir, logfile.FileName(0))) != sumOf(t, filepath.Join(logs, logfile.FileName(0))) {
		t.Error("what was collected is not what the server has")
	}
}

// collector starts a driver that collects into a directory, and ends with the test.
func (b *box) collector(addr, dir string) *exec.Cmd {
	b.t.Helper()
	ctx, cancel := context.WithCancel(patient(b.t))
	b.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "driver"))
	cmd.Env = append(os.Environ(), "DRIVER_FTP_ADDR="+addr, "DRIVER_FTP_USER="+drivertest.User,
		"DRIVER_FTP_PASSWORD="+drivertest.Password, "DRIVER_FTP_TLS=off", "DRIVER_OUTPUT_DIR="+dir,
		"DRIVER_SERVER_IDENTITY="+b.from.pins.String())
	cmd.Stderr = new(bytes.Buffer)
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	return cmd
}

func sumOf(t *testing.T, path string) [32]byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, sum, err := digest.Of(f)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
