package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jlaffaye/ftp"

	"sealpost/shared/logfile"
)

// What vsftpd is told besides: it serves one directory, as files that anybody may
// read, and needs root for that.
var vsftpdOptions = []string{
	"-olisten=YES", "-olisten_ipv6=NO", "-obackground=NO", "-olisten_address=127.0.0.1", "-oanonymous_enable=YES",
	"-ono_anon_password=YES", "-oftp_username=nobody", "-oseccomp_sandbox=NO", "-oisolate=NO", "-oisolate_network=NO",
}

// runListing has vsftpd list log files that were made without a server, flat and
// sharded. Without vsftpd, or root for it, it is left out.
func runListing(ctx context.Context, b *bench) error {
	if _, err := exec.LookPath("vsftpd"); err != nil || os.Geteuid() != 0 {
		b.say("listing: left out: it needs vsftpd, and root for that")
		return nil
	}
	flat, err := b.listingSide(ctx, "flat", logfile.FileName)
	if err != nil {
		return err
	}
	sharded, err := b.listingSide(ctx, "sharded", logfile.ShardedPath)
	if err != nil {
		return err
	}
	return b.compare(ctx, comparison{
		name:    "listing",
		about:   fmt.Sprintf("%d log files over FTP: the largest directory's, and then all of them", b.listing),
		columns: []string{"files", "list ms", "all ms"},
		rounds:  b.rounds, sides: []side{flat, sharded},
	})
}

// listingSide makes empty files once, and lists them in each round.
func (b *bench) listingSide(ctx context.Context, name string, path func(uint64) string) (side, error) {
	b.say("listing: making %d files, %s", b.listing, name)
	dir, err := b.fresh("listing")
	if err != nil {
		return side{}, err
	}
	dirs := []string{""}
	for i := 0; i < b.listing && ctx.Err() == nil; i++ {
		file := path(uint64(i))
		if shard := logfile.Shard(file); shard != "" && shard != dirs[len(dirs)-1] {
			dirs = append(dirs, shard)
			if err := os.Mkdir(filepath.Join(dir, shard), 0o755); err != nil {
				return side{}, err
			}
		}
		if err := os.WriteFile(filepath.Join(dir, file), nil, 0o644); err != nil {
			return side{}, err
		}
	}
	return side{name, func(ctx context.Context) (values, error) { return b.list(ctx, dir, dirs) }}, ctx.Err()
}

// list starts vsftpd on dir and lists directories below it.
func (b *bench) list(ctx context.Context, dir string, dirs []string) (values, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	server, addr, err := b.vsftpd(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { stop(); _ = server.Wait() }() // killed: that is no error
	conn, err := dialSoon(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Quit() }()
	return listAll(conn, dirs)
}

// vsftpd starts it on dir, and returns its address.
func (b *bench) vsftpd(ctx context.Context, dir string) (*exec.Cmd, string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	addr := listener.Addr().(*net.TCPAddr)
	_ = listener.Close() // the port is vsftpd's now
	config, empty := filepath.Join(b.base, "vsftpd.conf"), filepath.Join(b.base, "empty")
	err = errors.Join(os.WriteFile(config, nil, 0o600), os.MkdirAll(empty, 0o755))
	if err != nil {
		return nil, "", err
	}
	server := exec.CommandContext(ctx, "vsftpd", append([]string{config, "-oanon_root=" + dir,
		"-osecure_chroot_dir=" + empty, fmt.Sprintf("-olisten_port=%d", addr.Port)}, vsftpdOptions...)...)
	return server, addr.String(), server.Start()
}

// dialSoon tries until the server listens.
func dialSoon(ctx context.Context, addr string) (*ftp.ServerConn, error) {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		conn, err := ftp.Dial(addr, ftp.DialWithContext(ctx))
		if err == nil {
			return conn, conn.Login("anonymous", "-")
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return nil, err
		}
	}
}

// listAll lists directories one after the other.
func listAll(conn *ftp.ServerConn, dirs []string) (values, error) {
	got := values{"files": 0, "list ms": 0, "all ms": 0}
	for _, dir := range dirs {
		began := time.Now()
		entries, err := conn.List("/" + dir)
		if err != nil {
			return nil, err
		}
		took := time.Since(began).Seconds() * 1000
		got["all ms"] += took
		if files := float64(len(entries)); files > got["files"] {
			got["files"], got["list ms"] = files, took
		}
	}
	return got, nil
}
