// Package remedy knows what people can do about what makes a server unable to
// keep messages: the server says it in its log and on /readyz, its commands on
// standard error.
package remedy

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/replicated"
	"sealpost/services/server/state"
	"sealpost/services/server/state/shared"
	"sealpost/services/server/volumes"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/durable"
)

const accept = "bring back the volumes that belong together; or, to go on with these under a new logbook id, " +
	"stop the server and run: server logbook accept"

// fixed is an error that knows its own remedy, "" where there is none.
type fixed interface {
	error
	Fix() string
}

// For returns the likely remedy, "" where none is known. What an error says of
// itself, by a method Fix, goes first.
func For(err error) string {
	if own := fixed(nil); errors.As(err, &own) && own.Fix() != "" {
		return own.Fix()
	}
	for _, find := range []func(error) string{ofCluster, ofVolumes, ofState, ofSystem} {
		if text := find(err); text != "" {
			return text
		}
	}
	return ""
}

// ofCluster is about what servers that read one log have to agree on.
func ofCluster(err error) string {
	var stuck *replicated.StuckError
	switch {
	case errors.As(err, &stuck):
		void := fmt.Sprintf("if no server can keep the entry, server cluster void %d has all pass it", stuck.Position)
		if text := For(stuck.Err); text != "" {
			return text + "; " + void
		}
		return void
	case errors.As(err, new(*shared.NotStuckError)):
		return "a server that can keep the entry does so, and goes on; one that was just trying again soon stands there, " +
			"ask again then; one that is gone for good must be forgotten first"
	}
	return ""
}

// ofVolumes is about what the volumes hold.
func ofVolumes(err error) string {
	var foreign *local.ForeignFileError
	switch {
	case errors.Is(err, volumes.ErrFit):
		return "a server that is red says why on /readyz and in its log"
	case errors.As(err, new(*volumes.CannotAcceptError)):
		return "restore the log volume from a copy, then ask again; server verify tells whether it is sound"
	case errors.As(err, new(*local.MisfitError)), errors.As(err, new(*local.ForkError)):
		return accept
	case errors.As(err, new(*local.CorruptError)):
		return "restore the log volume from a copy; server verify tells whether it is sound, " +
			"and server logbook accept whether one without its records can be used all the same"
	case errors.As(err, &foreign):
		return "move " + foreign.Name + " out of logs/: the server then goes on by itself"
	case errors.Is(err, durable.ErrLocked):
		return "stop the server that runs on this volume; one that waits for it then goes on by itself"
	}
	return ""
}

// ofState is about the files of the state volume.
func ofState(err error) string {
	switch {
	case errors.Is(err, state.ErrForeignIdentity):
		return "put the identity.pem of before back; server identity next and server identity switch replace an identity"
	case errors.Is(err, state.ErrSendersFile):
		return "each line is an object with sender, created and sha256; delete the bad line, or restore the file"
	case errors.Is(err, state.ErrLimitsFile):
		return "each line is an object with sender, max_bytes_per_day and max_rate; delete the bad line, or restore the file"
	case errors.Is(err, state.ErrFormerFile):
		return "each line is an object with key, replaced and until; delete the bad line, or restore the file"
	case errors.Is(err, identity.ErrPEM), errors.Is(err, identity.ErrKeyType):
		return "restore identity.pem from a copy; with a new one, every client needs the new identity"
	case errors.Is(err, state.ErrLogbookID), errors.Is(err, state.ErrRetiredFile):
		return "restore the state volume's file from a copy"
	}
	return ""
}

// ofSystem is about what the system refuses.
func ofSystem(err error) string {
	switch {
	case errors.As(err, new(*local.LargestError)):
		return "make room on the log volume, or make it larger; or set SERVER_MAX_MESSAGE_BYTES lower. Smaller messages " +
			"are kept meanwhile, while they fit"
	case errors.Is(err, logbook.ErrNoSpace), errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return "make room on the volume, or make it larger: the server then goes on by itself"
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		return "raise the limit of open files (ulimit -n, LimitNOFILE= of a systemd unit, ulimits: of a compose file), " +
			"or set SERVER_MAX_CONNECTIONS lower; the server goes on by itself once fewer are open"
	case errors.Is(err, unix.EROFS):
		return "mount the volume writable; if its file system turned read-only after an error, the kernel's log " +
			"(dmesg) says which"
	case errors.Is(err, unix.EIO):
		return "the disk fails: the kernel's log (dmesg) says how; after a repair the server goes on by itself"
	case errors.Is(err, fs.ErrPermission):
		return "the directories and all in them must belong to the user that the server runs as: chown -R"
	case errors.Is(err, fs.ErrNotExist):
		return "mount the volume, or restore the file from a copy"
	}
	return ""
}
