package faults

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"

	"sealpost/services/driver/drivertest"
)

// watch starts the clients that do not run.
func (d *drill) watch() {
	d.t.Helper()
	for i, running := range d.clients {
		if running != nil {
			continue
		}
		cmd := d.box.client(d.t.Context(), "-watch")
		cmd.Stderr = d.log
		if err := cmd.Start(); err != nil {
			d.t.Fatal(err)
		}
		d.clients[i] = cmd
	}
}

// killClient kills one, which must not have ended by itself.
func (d *drill) killClient(i int) {
	d.t.Helper()
	cmd := d.clients[i]
	d.clients[i] = nil
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // its status is looked at
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		d.t.Errorf("a client ended by itself: %v", cmd.ProcessState)
	}
}

// killClients ends all, also those that have ended for want of a disk.
func (d *drill) killClients() {
	for i, cmd := range d.clients {
		if cmd != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			d.clients[i] = nil
		}
	}
}

// loseOutbox cuts the power of the machine with the clients and comes back.
func (d *drill) loseOutbox() {
	d.t.Helper()
	var running []*os.Process
	for _, cmd := range d.clients {
		if cmd != nil {
			running = append(running, cmd.Process)
		}
	}
	d.disk.cut(running...)
	d.killClients()
	d.disk.remount()
}

// finish stops the clients in order, lets a last one end what is left, and cuts
// the power: what has ended must be durable.
func (d *drill) finish() {
	d.t.Helper()
	for i, cmd := range d.clients {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			d.t.Errorf("a client that was asked to stop: %v", err)
		}
		d.clients[i] = nil
	}
	if out, err := d.box.client(patient(d.t)).CombinedOutput(); err != nil {
		d.t.Fatalf("the last client: %v\n%s", err, out)
	}
	d.loseOutbox()
	d.checkNothing(".sending", ".logbook.lock")
	d.checkNothing("refused")
}

// checkNothing: a directory of the outbox is not there, or holds nothing but
// what the outbox keeps in it.
func (d *drill) checkNothing(dir string, kept ...string) {
	d.t.Helper()
	left, err := os.ReadDir(filepath.Join(d.box.dir, dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.t.Error(err)
	}
	for _, e := range left {
		if !slices.Contains(kept, e.Name()) {
			d.t.Errorf("%s is left in %s", e.Name(), dir)
		}
	}
}

// collect runs a driver once, which fails unless every receipt in the outbox is
// true of what it has collected.
func (d *drill) collect() {
	d.t.Helper()
	received := filepath.Join(d.t.TempDir(), "received")
	ctx, cancel := context.WithTimeout(d.t.Context(), 4*patience) // it fetches every file by itself
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "driver"))
	cmd.Env = append(os.Environ(), "DRIVER_FTP_TLS=off",
		"DRIVER_FTP_ADDR="+drivertest.Serve(d.t, filepath.Join(d.server.data, "logs"), nil),
		"DRIVER_FTP_USER="+drivertest.User, "DRIVER_FTP_PASSWORD="+drivertest.Password,
		"DRIVER_OUTPUT_DIR="+received, "DRIVER_OUTBOX="+d.box.dir, "DRIVER_NEED_RECEIPTS=true", "DRIVER_LOG_LEVEL=warn",
		"DRIVER_SERVER_IDENTITY="+d.box.from.pins.String())
	cmd.Stderr = d.log
	if err := cmd.Run(); err != nil {
		d.t.Errorf("driver: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(received, "server_message*.txt"))
	if err != nil || len(files) != len(d.box.files) {
		d.t.Errorf("%d files were collected, want %d: %v", len(files), len(d.box.files), err)
	}
}
