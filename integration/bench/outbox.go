package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// sftpServer is OpenSSH's, which its client talks to without a connection between.
const sftpServer = "/usr/lib/openssh/sftp-server"

// runOutbox sends files through an outbox, which keeps their receipts, in turn with
// the wire alone and with sftp, where that is installed.
func runOutbox(ctx context.Context, b *bench) error {
	wire := order{Messages: b.messages, Senders: 1, InFlight: 256, Size: smallSize}
	sides := []side{b.outboxSide(ours, 1), b.outboxSide("two clients", 2), b.outboxSide("four clients", 4)}
	sides = append(sides, side{"wire", b.sending(wire)[0].run})
	if _, err := os.Stat(sftpServer); err == nil {
		sides = append(sides, b.sftpSide("sftp put -f", "put -f"), b.sftpSide("sftp put", "put"))
	}
	return b.compare(ctx, comparison{
		name:    "outbox",
		about:   fmt.Sprintf("%d files of 1 KiB; wire: as many messages from memory", b.messages),
		columns: []string{rate, writes, flushes},
		rounds:  b.rounds, bytes: 3 * smallRoom * uint64(b.messages),
		sides: sides,
		demands: []demand{
			{rate, "wire", limit{least: 0.4}},
			{rate, "sftp put -f", limit{least: 4}},
			{rate, "sftp put", limit{least: 2}},
			{rate, "two clients", limit{most: 1.05}},
			{rate, "four clients", limit{most: 1.05}},
		},
	})
}

// outboxSide has client processes send the files of one outbox to a server of their
// own.
func (b *bench) outboxSide(name string, clients int) side {
	return side{name, func(ctx context.Context) (values, error) {
		t := b.trees[0]
		v, err := b.volumes(t)
		if err != nil {
			return nil, err
		}
		s, err := t.startServer(ctx, v)
		if err != nil {
			return nil, err
		}
		got, err := b.drainOutbox(ctx, s, clients)
		v.stored = b.messages
		if err := errors.Join(err, s.end()); err != nil {
			return nil, err
		}
		return got, v.check()
	}}
}

// drainOutbox fills an outbox and measures how long clients take to empty it.
func (b *bench) drainOutbox(ctx context.Context, s *server, clients int) (values, error) {
	box, err := b.filled("outbox")
	if err != nil {
		return nil, err
	}
	got, err := b.timed(func() error {
		var all errgroup.Group
		for range clients {
			all.Go(func() error { return b.client(ctx, s, box).Run() })
		}
		return all.Wait()
	})
	receipts, e := filepath.Glob(filepath.Join(box, "sent", "*", "*.tlog-proof"))
	if err := errors.Join(err, e); err != nil {
		return nil, err
	}
	if len(receipts) != b.messages {
		return nil, fmt.Errorf("%d messages have a receipt in the outbox, want %d", len(receipts), b.messages)
	}
	return got, nil
}

func (b *bench) client(ctx context.Context, s *server, box string) *exec.Cmd {
	t := b.trees[0]
	cmd := exec.CommandContext(ctx, t.in("client"), "-outbox", box)
	cmd.Env = []string{"CLIENT_SERVER=" + s.address, "CLIENT_SERVER_IDENTITY=" + t.access.Identity,
		"CLIENT_TOKEN=" + t.access.Tokens[0], "CLIENT_LOG_LEVEL=error"}
	return cmd
}

// filled makes a directory with the files of one run, flushed.
func (b *bench) filled(name string) (string, error) {
	dir, err := b.fresh(name)
	if err != nil {
		return "", err
	}
	body := content(smallSize)
	for n := range b.messages {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("message %06d.txt", n)), body, 0o644); err != nil {
			return "", err
		}
	}
	return dir, syncAll(dir)
}

// timed measures what ends all messages of a run.
func (b *bench) timed(work func() error) (values, error) {
	before, began := b.disk.counters(), time.Now()
	err := work()
	result := outcome{Elapsed: time.Since(began)}
	return result.addTo(b.disk.counters().since(before, b.messages), b.messages), err
}

// sftpSide has OpenSSH's sftp put the files where its own server writes them.
func (b *bench) sftpSide(name, command string) side {
	return side{name, func(ctx context.Context) (values, error) {
		from, err := b.filled("sftp")
		if err != nil {
			return nil, err
		}
		to, err := b.fresh("sftp")
		if err != nil {
			return nil, err
		}
		batch := filepath.Join(b.base, "sftp.batch")
		if err := os.WriteFile(batch, fmt.Appendf(nil, "%s %s/* %s/\n", command, from, to), 0o644); err != nil {
			return nil, err
		}
		got, err := b.timed(func() error {
			_, err := output(exec.CommandContext(ctx, "sftp", "-b", batch, "-D", sftpServer))
			return err
		})
		there, e := os.ReadDir(to)
		if len(there) != b.messages && err == nil {
			err = fmt.Errorf("sftp has put %d files of %d", len(there), b.messages)
		}
		return got, errors.Join(err, e)
	}}
}
