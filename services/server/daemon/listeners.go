package daemon

import (
	"context"
	"net"

	"sealpost/shared/settings"
)

// listeners are the server's open ports.
type listeners struct {
	sealpost, wire2012, admin net.Listener
}

// listen opens all ports, or none.
func listen(ctx context.Context, cfg Config) (*listeners, error) {
	l := &listeners{}
	for _, port := range []struct {
		address settings.Address
		to      *net.Listener
	}{{cfg.Listen, &l.sealpost}, {cfg.Listen2012, &l.wire2012}, {cfg.AdminListen, &l.admin}} {
		if port.address == "" {
			continue
		}
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", string(port.address))
		if err != nil {
			l.close()
			return nil, err
		}
		*port.to = ln
	}
	return l, nil
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
