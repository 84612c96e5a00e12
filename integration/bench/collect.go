package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"sealpost/shared/logfile"
)

const (
	filesRate  = "files/s"
	collectors = 4 // connections at once
)

// runCollect has the log files of a volume collected by the driver, by a bare loop
// over as many connections that neither checks nor flushes, and by lftp.
func runCollect(ctx context.Context, b *bench) error {
	if !b.hasFTP("collect") {
		return nil
	}
	v, err := b.filledVolumes(ctx, b.messages)
	if err != nil {
		return err
	}
	f, err := b.startFTP(ctx, filepath.Join(v.data, "logs"))
	if err != nil {
		return err
	}
	for _, secure := range []bool{false, true} {
		name := map[bool]string{false: "collect, plain", true: "collect, FTPS"}[secure]
		err = errors.Join(err, b.compare(ctx, comparison{
			name:    name,
			about:   fmt.Sprintf("%d log files of 1 KiB messages over %d connections", b.messages, collectors),
			columns: []string{filesRate, writes, flushes},
			rounds:  b.rounds, bytes: smallRoom * uint64(b.messages),
			sides:   b.collectSides(f, secure),
			demands: []demand{{filesRate, "bare loop", limit{least: 0.8}}, {filesRate, "lftp mirror", limit{least: 1.3}}},
		}))
	}
	return errors.Join(err, f.end())
}

// filledVolumes are those of a server that has kept so many small messages.
func (b *bench) filledVolumes(ctx context.Context, messages int) (*volumes, error) {
	v, err := b.volumes(b.trees[0])
	if err != nil {
		return nil, err
	}
	_, err = b.withRig(ctx, b.trees[0], v, 1, func(r *rig) (values, error) {
		return r.send(order{Messages: messages, Senders: 1, InFlight: 256, Size: smallSize})
	})
	return v, err
}

func (b *bench) collectSides(f *ftpServer, secure bool) []side {
	sides := []side{
		b.collectSide(ours, func(ctx context.Context, dir string) error {
			return quietly(b.driver(ctx, f, secure, dir))
		}),
		b.collectSide("bare loop", func(ctx context.Context, dir string) error {
			return b.bareLoop(ctx, f, secure, dir)
		}),
	}
	if _, err := os.Stat(lftp); err != nil {
		return sides
	}
	return append(sides, b.collectSide("lftp mirror", func(ctx context.Context, dir string) error {
		script := fmt.Sprintf("set ftp:ssl-force %v; set ftp:ssl-allow %v; set ftp:ssl-protect-data %v; "+
			"set ssl:ca-file %s; open -u %s,%s %s; mirror --parallel=%d . %s",
			secure, secure, secure, f.ca, ftpGuest, ftpGuest, f.address, collectors, dir)
		cmd := exec.CommandContext(ctx, lftp, "-c", script)
		cmd.Env = []string{"HOME=" + b.base}
		return quietly(cmd)
	}))
}

// quietly runs a command as from cron, into nothing: a reader of its lines would be
// measured with it. What it says of failures is part of the error.
func quietly(cmd *exec.Cmd) error {
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, said.Bytes())
	}
	return nil
}

// collectSide measures what brings every log file into a directory.
func (b *bench) collectSide(name string, collect func(ctx context.Context, dir string) error) side {
	return side{name, func(ctx context.Context) (values, error) {
		dir, err := b.fresh("collected")
		if err != nil {
			return nil, err
		}
		before, began := b.disk.counters(), time.Now()
		if err := collect(ctx, dir); err != nil {
			return nil, err
		}
		elapsed := time.Since(began)
		got := b.disk.counters().since(before, b.messages)
		got[filesRate] = float64(b.messages) / elapsed.Seconds()
		files, err := filepath.Glob(filepath.Join(dir, "server_message*.txt"))
		if err == nil && len(files) != b.messages {
			err = fmt.Errorf("%s has collected %d files of %d", name, len(files), b.messages)
		}
		return got, err
	}}
}

// driver collects into dir, and checks the server's signature as in production.
func (b *bench) driver(ctx context.Context, f *ftpServer, secure bool, dir string) *exec.Cmd {
	t := b.trees[0]
	cmd := exec.CommandContext(ctx, t.in("driver"))
	cmd.Env = []string{"DRIVER_FTP_ADDR=" + f.address, "DRIVER_FTP_USER=" + ftpGuest, "DRIVER_FTP_PASSWORD=" + ftpGuest,
		"DRIVER_OUTPUT_DIR=" + dir, "DRIVER_SERVER_IDENTITY=" + t.access.Identity, "DRIVER_LOG_LEVEL=error",
		fmt.Sprintf("DRIVER_FTP_CONNECTIONS=%d", collectors), "DRIVER_FTP_TLS=off"}
	if secure {
		cmd.Env = append(cmd.Env[:len(cmd.Env)-1], "DRIVER_FTP_TLS=explicit", "DRIVER_FTP_CA_FILE="+f.ca)
	}
	return cmd
}

// bareLoop fetches every log file by its name into a file of that name.
func (b *bench) bareLoop(ctx context.Context, f *ftpServer, secure bool, dir string) error {
	g, ctx := errgroup.WithContext(ctx)
	for first := range collectors {
		g.Go(func() error {
			c, err := f.dial(secure)
			if err != nil {
				return err
			}
			for n := first; n < b.messages && err == nil && ctx.Err() == nil; n += collectors {
				name := logfile.FileName(uint64(n))
				r, e := c.Retr(name)
				if e != nil {
					return e
				}
				to, e := os.Create(filepath.Join(dir, name))
				if e != nil {
					return e
				}
				_, err = io.Copy(to, r)
				err = errors.Join(err, r.Close(), to.Close())
			}
			return errors.Join(err, c.Quit())
		})
	}
	return g.Wait()
}
