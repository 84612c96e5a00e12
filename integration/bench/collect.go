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
// over as many connections that neither checks nor flushes, and by lftp. Over FTPS,
// where that takes ten times as long, it is a quarter of the files.
func runCollect(ctx context.Context, b *bench) error {
	if !b.hasFTP("collect") {
		return nil
	}
	return errors.Join(
		b.collect(ctx, "collect, plain", b.messages, false),
		b.collect(ctx, "collect, FTPS", max(1, b.messages/4), true))
}

func (b *bench) collect(ctx context.Context, name string, files int, secure bool) error {
	v, err := b.filledVolumes(ctx, files)
	if err != nil {
		return err
	}
	f, err := b.startFTP(ctx, filepath.Join(v.data, "logs"))
	if err != nil {
		return err
	}
	c := collecting{b, f, files, secure}
	err = b.compare(ctx, comparison{
		name:    name,
		about:   fmt.Sprintf("%d log files of 1 KiB messages over %d connections", files, collectors),
		columns: []string{filesRate, writes, flushes},
		rounds:  b.rounds, bytes: smallRoom * uint64(files),
		sides:   c.sides(),
		demands: []demand{{filesRate, "bare loop", limit{least: 0.8}}, {filesRate, "lftp mirror", limit{least: 1.3}}},
	})
	return errors.Join(err, f.end())
}

// collecting is one volume served over FTP, and what collects its files.
type collecting struct {
	*bench
	ftp    *ftpServer
	files  int
	secure bool
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

func (c collecting) sides() []side {
	sides := []side{
		c.side(ours, func(ctx context.Context, dir string) error {
			return quietly(c.driver(ctx, c.ftp, c.secure, dir))
		}),
		c.side("bare loop", c.bareLoop),
	}
	if _, err := os.Stat(lftp); err != nil {
		return sides
	}
	return append(sides, c.side("lftp mirror", func(ctx context.Context, dir string) error {
		script := fmt.Sprintf("set ftp:ssl-force %v; set ftp:ssl-allow %v; set ftp:ssl-protect-data %v; "+
			"set ssl:ca-file %s; open -u %s,%s %s; mirror --parallel=%d . %s",
			c.secure, c.secure, c.secure, c.ftp.ca, ftpGuest, ftpGuest, c.ftp.address, collectors, dir)
		cmd := exec.CommandContext(ctx, lftp, "-c", script)
		cmd.Env = []string{"HOME=" + c.base}
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

// side measures what brings every log file into a directory.
func (c collecting) side(name string, collect func(ctx context.Context, dir string) error) side {
	return side{name, func(ctx context.Context) (values, error) {
		dir, err := c.fresh("collected")
		if err != nil {
			return nil, err
		}
		before, began := c.disk.counters(), time.Now()
		if err := collect(ctx, dir); err != nil {
			return nil, err
		}
		elapsed := time.Since(began)
		got := c.disk.counters().since(before, c.files)
		got[filesRate] = float64(c.files) / elapsed.Seconds()
		files, err := filepath.Glob(filepath.Join(dir, "server_message*.txt"))
		if err == nil && len(files) != c.files {
			err = fmt.Errorf("%s has collected %d files of %d", name, len(files), c.files)
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
func (c collecting) bareLoop(ctx context.Context, dir string) error {
	g, ctx := errgroup.WithContext(ctx)
	for first := range collectors {
		g.Go(func() error {
			conn, err := c.ftp.dial(c.secure)
			if err != nil {
				return err
			}
			for n := first; n < c.files && err == nil && ctx.Err() == nil; n += collectors {
				name := logfile.FileName(uint64(n))
				r, e := conn.Retr(name)
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
			return errors.Join(err, conn.Quit())
		})
	}
	return g.Wait()
}
