package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// ListenError says which address the server cannot listen on.
type ListenError struct {
	Setting, Address string
	Err              error
}

func (e *ListenError) Error() string {
	return fmt.Sprintf("%s=%s: cannot listen there: %v", e.Setting, e.Address, e.Err)
}

func (e *ListenError) Unwrap() error { return e.Err }

// Fix is the likely remedy, "" where none is known.
func (e *ListenError) Fix() string {
	switch {
	case errors.Is(e.Err, syscall.EADDRINUSE):
		return "another program listens there (ss -ltnp shows which); " + e.Setting + " chooses another address"
	case errors.Is(e.Err, fs.ErrPermission):
		return "ports below 1024 take a right (CAP_NET_BIND_SERVICE); a higher one in " + e.Setting + " takes none"
	case errors.Is(e.Err, syscall.EADDRNOTAVAIL), errors.As(e.Err, new(*net.DNSError)):
		return "no interface of this machine has that address; without a host, as in :7513, the server listens on all of them"
	}
	return ""
}

// DirError says which directory cannot be used.
type DirError struct {
	Setting, Dir string
	Err          error
}

func (e *DirError) Error() string {
	text := fmt.Sprintf("%s=%s: %v", e.Setting, e.Dir, e.Err)
	if owner, ok := e.owner(); ok {
		text += fmt.Sprintf(" (it belongs to uid %d, the server runs as uid %d)", owner, os.Geteuid())
	}
	return text
}

func (e *DirError) Unwrap() error { return e.Err }

// Fix is the likely remedy, "" where none is known.
func (e *DirError) Fix() string {
	if _, ok := e.owner(); ok {
		return fmt.Sprintf("give it to the server's user: chown -R %d %s", os.Geteuid(), e.Dir)
	}
	return ""
}

// owner is whose the directory is, where that may be the reason.
func (e *DirError) owner() (uid uint32, ok bool) {
	info, err := os.Stat(e.Dir)
	if err != nil || !errors.Is(e.Err, fs.ErrPermission) {
		return 0, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) == os.Geteuid() {
		return 0, false
	}
	return stat.Uid, true
}
