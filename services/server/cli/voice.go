package cli

import (
	"errors"
	"io/fs"

	"sealpost/services/server/cluster"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/remedy"
	"sealpost/services/server/state"
	"sealpost/services/server/volumes"
	"sealpost/shared/admin"
	"sealpost/shared/message"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

// speak puts failures into words for people.
const speak = voice.Voice("server")

// removeCopy is what is to be done where a copy was begun and not finished.
const removeCopy = "what was copied so far opens as no logbook: remove it, then copy again"

// hint is the likely remedy, "" where there is none.
func hint(err error) string {
	var bad *settings.Error
	var name *message.NameError
	var red *admin.NotReadyError
	switch {
	case errors.Is(err, errWithdrawn):
		return "no token was made: the same command makes one"
	case errors.As(err, new(*fileError)) && errors.Is(err, fs.ErrExist):
		return "-o replaces nothing: name another file, or move that one away"
	case errors.Is(err, errUsage):
		return "server -h shows the commands"
	case errors.As(err, &bad):
		return "the README lists the settings"
	case errors.Is(err, state.ErrTwoTokens):
		return "make the older one invalid first: server sender remove -keep-newest NAME"
	case errors.Is(err, state.ErrUnknownSender):
		return "server sender list shows the senders"
	case errors.As(err, &name):
		return "a sender's name has 1 to 64 letters, digits, dots, hyphens and underscores, and does not begin with a hyphen"
	case errors.Is(err, state.ErrNoNext):
		return "make one, and let every client list it: server identity next"
	case errors.Is(err, state.ErrManyFormer):
		return "wait for a date that server identity list shows, or end them all: server identity retire"
	case errors.As(err, new(*local.NotKeptError)):
		return "numbers are those of the log files; server verify says how many messages there are"
	case errors.As(err, new(*local.RangesError)):
		return "retire what lies between, too: ranges that touch are one"
	case errors.Is(err, volumes.ErrNotRunning):
		return "start it, or give the order to another server of the cluster"
	case errors.Is(err, volumes.ErrNotTaken):
		return "server healthcheck says whether it is ready; one that is red takes no orders"
	case errors.Is(err, volumes.ErrUnanswered), errors.As(err, new(*volumes.RefusedError)):
		return "the same command again does what is left of it"
	case errors.Is(err, errShared):
		return (&fit.SeveralError{}).Fix()
	case errors.Is(err, errNotAlone):
		return (&cluster.VolumeError{}).Fix()
	case errors.As(err, new(*cluster.UnknownError)):
		return "server cluster status shows the servers that count"
	case errors.Is(err, errNotConfirmed):
		return "-yes stands for the answer"
	case errors.As(err, &red):
		return healthHint(red)
	case errors.As(err, new(*volumes.TargetError)):
		return "name a directory that is not there yet, on another disk"
	case errors.As(err, new(*volumes.CopiedFileError)):
		return "that file was altered or cut after it was kept, or its disk fails: restore it from an earlier copy, " +
			"or move it away, for a copy without it; " + removeCopy
	case errors.Is(err, errGone):
		return "each file above was removed after it was kept"
	case errors.As(err, new(*volumes.NotInPlaceError)), volumes.IsVerdict(err):
	case errors.As(err, new(*volumes.UnfinishedError)):
		return removeCopy
	case errors.Is(err, errDifferences):
		return "each file above was altered, cut or removed after it was kept; those that server retire removed do not differ"
	case errors.As(err, new(*voice.OutputError)):
		return "what the command changed is changed: server identity list and server sender list show how it is now"
	}
	return remedy.For(err)
}
