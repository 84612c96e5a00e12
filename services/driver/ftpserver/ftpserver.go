// Package ftpserver serves one directory over FTP, read-only, to one user: the
// stand-in for vsftpd where everything runs on one machine, and in tests.
//
// With a certificate it demands explicit TLS (RFC 4217) on the control and the
// data connections. It is meant for a loopback address: it has no limits on
// connections or log-ins.
package ftpserver

import (
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"net"

	server "github.com/fclairamb/ftpserverlib"
	"github.com/spf13/afero"
)

// Config says what is served and to whom.
type Config struct {
	Dir      string
	User     string
	Password string
	// Certificate for TLS 1.2 and 1.3; nil means plain FTP.
	Certificate *tls.Certificate
}

// ErrLogin is what a client with another name or password hears.
var ErrLogin = errors.New("login incorrect")

var errPlain = errors.New("this server has no certificate")

// Server is a running FTP server.
type Server struct {
	inner *server.FtpServer
	addr  net.Addr
	done  chan error
}

// Start serves on l until Close.
func Start(l net.Listener, cfg Config) (*Server, error) {
	s := &Server{inner: server.NewFtpServer(newDriver(l, cfg)), addr: l.Addr(), done: make(chan error, 1)}
	if err := s.inner.Listen(); err != nil {
		return nil, err
	}
	go func() { s.done <- s.inner.Serve() }()
	return s, nil
}

// Addr returns the address that is served.
func (s *Server) Addr() net.Addr { return s.addr }

// Close stops taking connections and returns when none is taken any more.
// Connections that are open stay so until their client leaves.
func (s *Server) Close() error {
	stopErr := s.inner.Stop()
	return errors.Join(stopErr, <-s.done)
}

// driver answers the library's questions about settings, users and files.
type driver struct {
	cfg      Config
	settings server.Settings
	tls      *tls.Config
}

func newDriver(l net.Listener, cfg Config) *driver {
	d := &driver{cfg: cfg}
	d.settings = server.Settings{
		Listener:            l,
		Banner:              "Sealpost log files, read-only",
		DisableActiveMode:   true,
		DisableSite:         true,
		DefaultTransferType: server.TransferTypeBinary,
	}
	if cfg.Certificate != nil {
		d.settings.TLSRequired = server.MandatoryEncryption
		d.tls = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*cfg.Certificate}}
	}
	return d
}

func (d *driver) GetSettings() (*server.Settings, error) { return &d.settings, nil }

func (d *driver) ClientConnected(server.ClientContext) (string, error) {
	return d.settings.Banner, nil
}

func (d *driver) ClientDisconnected(server.ClientContext) {}

func (d *driver) AuthUser(_ server.ClientContext, user, password string) (server.ClientDriver, error) {
	name := subtle.ConstantTimeCompare([]byte(user), []byte(d.cfg.User))
	word := subtle.ConstantTimeCompare([]byte(password), []byte(d.cfg.Password))
	if name&word != 1 {
		return nil, ErrLogin
	}
	return afero.NewReadOnlyFs(afero.NewBasePathFs(afero.NewOsFs(), d.cfg.Dir)), nil
}

func (d *driver) GetTLSConfig() (*tls.Config, error) {
	if d.tls == nil {
		return nil, errPlain
	}
	return d.tls, nil
}
