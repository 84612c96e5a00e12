package remedy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/replicated"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/state"
	"sealpost/services/server/state/shared"
	"sealpost/services/server/stream"
	"sealpost/services/server/volumes"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/durable"
)

// adviser is an error that knows its own remedy, or none.
type adviser struct {
	error
	fix string
}

func (a adviser) Fix() string { return a.fix }

func (a adviser) Unwrap() error { return a.error }

// Whatever can turn a server red has a remedy, however it is wrapped.
func TestFor(t *testing.T) {
	_, missing := os.Stat(filepath.Join(t.TempDir(), "identity.pem"))
	for _, c := range []struct {
		err  error
		want string // what the remedy names
	}{
		{&replicated.StuckError{Position: 7, Err: logbook.ErrNoSpace}, "make room"},
		{&replicated.StuckError{Position: 7, Err: logbook.ErrNoSpace}, "server cluster void 7"},
		{&replicated.StuckError{Position: 7, Err: errors.New("x")}, "server cluster void 7"},
		{&shared.NotStuckError{Position: 7}, "ask again"},
		{&local.MisfitError{}, "server logbook accept"},
		{&local.ForkError{}, "server logbook accept"},
		{&local.CorruptError{}, "server verify"},
		{&volumes.CannotAcceptError{Cause: &local.MisfitError{}}, "restore"},
		{volumes.ErrFit, "/readyz"},
		{&local.ForeignFileError{Name: "server_message7.txt"}, "move server_message7.txt"},
		{fmt.Errorf("volume: %w", durable.ErrLocked), "stop the server"},
		{state.ErrForeignIdentity, "server identity switch"},
		{state.ErrSendersFile, "sender"},
		{state.ErrLimitsFile, "max_rate"},
		{state.ErrFormerFile, "replaced"},
		{state.ErrLogbookID, "restore"},
		{state.ErrRetiredFile, "restore"},
		{identity.ErrPEM, "restore identity.pem"},
		{replicated.ErrStrange, "server cluster join"},
		{&replicated.FullError{}, "server cluster forget"},
		{&replicated.JoinError{}, "server copy"},
		{&replicated.LostError{Err: &local.ForkError{}}, "server cluster import"},
		{&replicated.DamageError{}, "empty its store"},
		{&fold.ForkError{}, "server cluster status"},
		{&fold.ForkError{Ours: true}, "server copy"},
		{&entry.VersionError{}, "upgrade"},
		{&fold.ZoneError{Cause: fs.ErrNotExist}, "time zone"},
		{&stream.NodeError{}, "sync_interval: always"},
		{&stream.SettingsError{}, "nats stream edit"},
		{&stream.ConnectError{Err: stream.ErrNoStream}, "server cluster init"},
		{&stream.ConnectError{Err: unix.ECONNREFUSED}, "SERVER_NATS_URL"},
		{stream.ErrNoPlace, "max_file_store"},
		{&stream.GapError{}, "empty its store"},
		{&stream.TrimmedError{}, "empty its store"},
		{shared.ErrNothing, "server cluster init"},
		{shared.ErrSealed, "SERVER_CLUSTER_KEY_FILE"},
		{shared.ErrForeign, "SERVER_STATE_DIR"},
		{shared.ErrOlder, "shared_revision"},
		{shared.ErrStale, "half of the nodes"},
		{&shared.VersionError{}, "upgrade"},
		{logbook.ErrNoSpace, "make room"},
		{&local.LargestError{}, "SERVER_MAX_MESSAGE_BYTES"},
		{&os.PathError{Op: "write", Path: "x", Err: unix.ENOSPC}, "make room"},
		{&os.PathError{Op: "write", Path: "x", Err: unix.EDQUOT}, "make room"},
		{&os.PathError{Op: "write", Path: "x", Err: unix.EROFS}, "writable"},
		{&os.PathError{Op: "write", Path: "x", Err: unix.EIO}, "dmesg"},
		{&os.PathError{Op: "open", Path: "x", Err: unix.EMFILE}, "limit of open files"},
		{fs.ErrPermission, "chown"},
		{missing, "restore"},
		{adviser{fs.ErrPermission, "ask first"}, "ask first"},
		{adviser{fs.ErrPermission, ""}, "chown"},
		{errors.New("something else"), ""},
	} {
		for _, err := range []error{c.err, fmt.Errorf("%w: %w", logbook.ErrUnavailable, c.err), errors.Join(c.err)} {
			if got := For(err); !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("%v: %q, which lacks %q", err, got, c.want)
			}
		}
	}
}
