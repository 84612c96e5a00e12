package daemon

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"strings"
	"testing"

	"sealpost/services/server/remedy"
	"sealpost/shared/settings"
)

// Whoever cannot start the server reads which setting it is, and what to do.
func TestListenError(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = taken.Close() }()
	const free = "127.0.0.1:0"
	for _, test := range []struct {
		cfg     Config
		setting string
		says    string
		fix     string
	}{
		{Config{Listen: settings.Address(taken.Addr().String()), AdminListen: free}, "SERVER_LISTEN",
			"address already in use", "ss -ltnp"},
		{Config{Listen: free, AdminListen: settings.Address(taken.Addr().String())}, "SERVER_ADMIN_LISTEN",
			"address already in use", "ss -ltnp"},
		{Config{Listen: free, AdminListen: free, Listen2012: "192.0.2.1:0"}, "SERVER_2012_LISTEN", "cannot assign",
			"no interface of this machine"},
	} {
		_, err := listen(t.Context(), test.cfg)
		var e *ListenError
		if !errors.As(err, &e) || e.Setting != test.setting ||
			!strings.HasPrefix(err.Error(), test.setting+"="+e.Address+": ") ||
			!strings.Contains(err.Error(), test.says) || !strings.Contains(remedy.For(err), test.fix) {
			t.Errorf("%s: %v; hint: %s", test.setting, err, remedy.For(err))
		}
	}
}

func TestDirError(t *testing.T) {
	dir := t.TempDir()
	own := &DirError{"SERVER_STATE_DIR", dir, fs.ErrPermission}
	if text := own.Error(); strings.Contains(text, "belongs") || own.Fix() != "" {
		t.Errorf("of the server's own directory: %s", text)
	}
	foreign := &DirError{"SERVER_STATE_DIR", "/", fs.ErrPermission} // root's
	if os.Geteuid() == 0 {
		must(t, os.Chown(dir, 65534, 65534))
		foreign.Dir = dir
	}
	if text := foreign.Error(); !strings.Contains(text, "it belongs to uid ") ||
		!strings.HasPrefix(remedy.For(foreign), "give it to the server's user: chown -R") {
		t.Errorf("of another's: %s; hint: %s", text, remedy.For(foreign))
	}
}
