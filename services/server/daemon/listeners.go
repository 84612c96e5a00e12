package daemon

import (
	"context"
	"errors"
	"net"
	"os"

	"sealpost/shared/settings"
)

// listeners are the server's open ports.
type listeners struct {
	sealpost, wire2012, admin net.Listener
}

// listen opens all ports, or none. The error is a *ListenError.
func listen(ctx context.Context, cfg Config) (*listeners, error) {
	l := &listeners{}
	for _, port := range []struct {
		setting string
		address settings.Address
		to      *net.Listener
	}{{"SERVER_LISTEN", cfg.Listen, &l.sealpost}, {"SERVER_2012_LISTEN", cfg.Listen2012, &l.wire2012},
		{"SERVER_ADMIN_LISTEN", cfg.AdminListen, &l.admin}} {
		if port.address == "" {
			continue
		}
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", string(port.address))
		if err != nil {
			l.close()
			return nil, &ListenError{port.setting, string(port.address), bare(err)}
		}
		*port.to = ln
	}
	return l, nil
}

// bare strips the address, which is named already.
func bare(err error) error {
	var op *net.OpError
	var call *os.SyscallError
	switch {
	case errors.As(err, &call):
		return call.Err
	case errors.As(err, &op):
		return op.Err
	}
	return err
}

// close closes what is still open; a second close of a listener does nothing.
func (l *listeners) close() {
	for _, ln := range []net.Listener{l.sealpost, l.wire2012, l.admin} {
		if ln != nil {
			_ = ln.Close()
		}
	}
}

func (l *listeners) addresses() (sealpost, wire2012, admin net.Addr) {
	if l.wire2012 != nil {
		wire2012 = l.wire2012.Addr()
	}
	return l.sealpost.Addr(), wire2012, l.admin.Addr()
}
