package cli

import (
	"errors"
	"io/fs"
	"syscall"

	"sealpost/services/server/state"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/durable"
	"sealpost/shared/message"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

// speak puts failures into words for people.
const speak = voice.Voice("server")

// hint is the likely remedy, "" where there is none.
func hint(err error) string {
	var bad *settings.Error
	var name *message.NameError
	switch {
	case errors.Is(err, errUsage):
		return "server -h shows the commands"
	case errors.As(err, &bad):
		return "the README lists the settings"
	case errors.Is(err, state.ErrTwoTokens):
		return "make the older one invalid first: server sender remove -keep-newest NAME"
	case errors.Is(err, state.ErrUnknownSender):
		return "server sender list shows the senders"
	case errors.Is(err, state.ErrSendersFile):
		return "each line is an object with sender, created and sha256; delete the bad line, or restore the file"
	case errors.As(err, &name):
		return "a sender's name has 1 to 64 letters, digits, dots, hyphens and underscores, and is not \"-\""
	case errors.Is(err, state.ErrNoNext):
		return "make one, and let every client list it: server identity next"
	case errors.Is(err, state.ErrManyFormer):
		return "wait for a date that server identity list shows, or end them all: server identity retire"
	case errors.Is(err, state.ErrFormerFile):
		return "each line is an object with key, replaced and until; delete the bad line, or restore the file"
	case errors.Is(err, identity.ErrPEM), errors.Is(err, identity.ErrKeyType):
		return "restore identity.pem from a copy; with a new one, every client needs the new identity"
	case errors.Is(err, fs.ErrPermission):
		return "the directories must belong to the user that the server runs as"
	case errors.Is(err, syscall.EADDRINUSE):
		return "another program listens there; SERVER_LISTEN and its kin choose other addresses"
	case errors.Is(err, durable.ErrLocked):
		return "stop the server that runs on this volume first"
	case errors.Is(err, errDifferences):
		return "each file above was altered, cut or removed after it was kept"
	case errors.Is(err, errNotReady):
		return "the server's log says more"
	}
	return ""
}
