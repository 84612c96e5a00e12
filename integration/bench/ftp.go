package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jlaffaye/ftp"
)

// The FTP servers and clients that stand beside the driver, where they are installed.
const (
	vsftpd = "/usr/sbin/vsftpd"
	lftp   = "/usr/bin/lftp"
)

// ftpSettings are those of the stack's vsftpd, but for a server that anybody starts:
// one guest instead of a user, and ports on loopback alone.
const ftpSettings = `listen=YES
listen_ipv6=NO
listen_address=127.0.0.1
listen_port=%s
background=NO
run_as_launching_user=YES
anonymous_enable=YES
ftp_username=%s
no_anon_password=YES
local_enable=NO
anon_root=%s
hide_ids=YES
write_enable=NO
chmod_enable=NO
port_enable=NO
ssl_enable=YES
allow_anon_ssl=YES
force_anon_logins_ssl=NO
force_anon_data_ssl=NO
require_ssl_reuse=YES
ssl_ciphers=HIGH
rsa_cert_file=%s
rsa_private_key_file=%s
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
xferlog_enable=YES
xferlog_std_format=YES
xferlog_file=%s
`

// ftpGuest is whom ftpSettings let in.
const ftpGuest = "anonymous"

// ftpServer is a running vsftpd.
type ftpServer struct {
	address, ca string
	transfers   string // its log of them
	cmd         *exec.Cmd
}

// hasFTP reports whether there is an FTP server for a case, and says so where not.
func (b *bench) hasFTP(name string) bool {
	_, err := os.Stat(vsftpd)
	if err != nil {
		b.say("%s: left out, there is no %s", name, vsftpd)
	}
	return err == nil
}

// startFTP serves a directory.
func (b *bench) startFTP(ctx context.Context, dir string) (*ftpServer, error) {
	own, err := b.fresh("vsftpd")
	if err != nil {
		return nil, err
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.certify(ctx, own); err != nil {
		return nil, err
	}
	me, err := user.Current()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(address)
	f := &ftpServer{
		address: "localhost:" + port,
		ca:      filepath.Join(own, "cert.pem"), transfers: filepath.Join(own, "transfers"),
	}
	config := filepath.Join(own, "vsftpd.conf")
	text := fmt.Sprintf(ftpSettings, port, me.Username, dir, f.ca, filepath.Join(own, "key.pem"), f.transfers)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	f.cmd = exec.CommandContext(ctx, vsftpd, config)
	f.cmd.Stderr = b.progress
	if err := f.cmd.Start(); err != nil {
		return nil, err
	}
	if err := f.await(ctx); err != nil {
		return nil, errors.Join(err, f.end())
	}
	return f, nil
}

// certify makes the server's certificate as the set-up of the demonstration does.
func (b *bench) certify(ctx context.Context, dir string) error {
	setup := exec.CommandContext(ctx, b.trees[0].in("server"), "setup")
	setup.Env = []string{"SETUP_FTP_SECRETS_DIR=" + dir, "SETUP_FTP_HOST=localhost"}
	for _, name := range []string{"DATA_DIR", "STATE_DIR", "CLIENT_SECRETS_DIR", "DRIVER_SECRETS_DIR", "OUTBOX_DIR",
		"RECEIVED_DIR"} {
		place := filepath.Join(dir, strings.ToLower(name))
		if err := os.Mkdir(place, 0o700); err != nil {
			return err
		}
		setup.Env = append(setup.Env, "SETUP_"+name+"="+place)
	}
	_, err := output(setup)
	return err
}

// await returns once somebody can log in.
func (f *ftpServer) await(ctx context.Context) error {
	_, err := backoff.Retry(ctx, func() (bool, error) {
		c, err := ftp.Dial(f.address)
		if err == nil {
			err = c.Quit()
		}
		return true, err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(10*time.Millisecond)), backoff.WithMaxElapsedTime(10*time.Second))
	return err
}

func (f *ftpServer) end() error {
	_ = f.cmd.Process.Signal(syscall.SIGTERM)
	err := f.cmd.Wait()
	if errors.As(err, new(*exec.ExitError)) {
		return nil // it ends with a status of its own
	}
	return err
}

// fetched sums up the bytes that were transferred, listings left out: the eighth word
// of a line in the format of wu-ftpd's xferlog.
func (f *ftpServer) fetched() (sum uint64, err error) {
	text, err := os.ReadFile(f.transfers)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 8 {
			return 0, fmt.Errorf("vsftpd's log has the line %q", line)
		}
		n, err := strconv.ParseUint(words[7], 10, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// dial logs in, by TLS or without.
func (f *ftpServer) dial(secure bool) (*ftp.ServerConn, error) {
	options := []ftp.DialOption{ftp.DialWithDisabledMLSD(true)}
	if secure {
		pem, err := os.ReadFile(f.ca)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		options = append(options, ftp.DialWithExplicitTLS(&tls.Config{
			MinVersion: tls.VersionTLS12, ServerName: "localhost", RootCAs: roots,
			ClientSessionCache: tls.NewLRUClientSessionCache(16),
		}))
	}
	c, err := ftp.Dial(f.address, options...)
	if err != nil {
		return nil, err
	}
	return c, c.Login(ftpGuest, ftpGuest)
}
