package cli

import (
	"errors"
	"io/fs"
	"syscall"

	"sealpost/services/client/courier"
	"sealpost/shared/admin"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/framing"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

// Exit statuses.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 3
	exitUnknown = 4
)

// status returns the exit status for an error.
func status(err error) int {
	var files *filesError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &files):
		return files.worst
	case errors.As(err, new(*receiptError)):
		return exitFailed
	case errors.As(err, new(*usageError)), errors.As(err, new(*inputError)), errors.As(err, new(*settings.Error)),
		errors.As(err, new(*takenError)):
		return exitUsage
	case errors.As(err, new(*courier.RefusalError)):
		return exitRefused
	case errors.As(err, new(*courier.UnknownError)), errors.As(err, new(*courier.PostponedError)),
		errors.As(err, new(*resetError)):
		return exitUnknown
	}
	return outboxStatus(err)
}

// speak puts failures into words for people.
const speak = voice.Voice("client")

// hint is the likely remedy, "" where there is none.
func hint(err error) string {
	var again *againError
	var kept *receiptError
	var refusal *courier.RefusalError
	var bad *settings.Error
	var usage *usageError
	var red *admin.NotReadyError
	if hint := outboxHint(err); hint != "" {
		return hint
	}
	switch {
	case errors.As(err, &again):
		return "to send it again without a double: " + again.command
	case errors.As(err, &kept):
		return "to get it again without a double: " + kept.command
	case errors.As(err, &refusal):
		return hintRefusal(refusal)
	case errors.As(err, &usage):
		return usage.hint
	case errors.As(err, new(*takenError)):
		return "name another file; with -id, a receipt of the same message is replaced"
	case errors.As(err, &red):
		return hintHealth(red)
	case errors.As(err, new(*unreachedError)):
		return "is CLIENT_SERVER the right address, and is the server up? what waits stays in the outbox, and goes then"
	case errors.As(err, &bad):
		return hintSettings(bad)
	case errors.As(err, new(*resetError)):
		return "the 2012 wire has no answers: look for the message on the server before sending it again"
	case errors.As(err, new(*voice.OutputError)):
		return "what was done is done; what has its receipt needs no sending again"
	}
	return hintLocal(err)
}

func hintSettings(e *settings.Error) string {
	for _, problem := range e.Problems {
		switch problem.Name {
		case prefix + "_ADMIN_LISTEN":
			return "name an address that is free, as 127.0.0.1:9514, the same for the client with -watch and for healthcheck"
		case prefix + "_TOKEN", prefix + "_SERVER_IDENTITY":
			return `on the server, "server identity" shows the identity, ` +
				`and "server sender add NAME" makes a token and prints both`
		}
	}
	return ""
}

func hintRefusal(r *courier.RefusalError) string {
	switch {
	case r.Code == 0:
		return hintCertificate(r)
	case r.Code == framing.CodeUnauthenticated:
		return `on the server, "server sender list" shows the senders, and "server sender add NAME" makes a new token`
	case r.Code == framing.CodeTooLarge:
		return "the server's limit is SERVER_MAX_MESSAGE_BYTES"
	case r.Code == framing.CodeIDConflict:
		return "the id stands for another message already; without -id a new one is made"
	}
	return ""
}

func hintLocal(err error) string {
	switch {
	case errors.As(err, new(*spoolError)):
		return "TMPDIR names the directory for it; it must be writable and have room"
	case errors.Is(err, receipt.ErrSignature), errors.Is(err, receipt.ErrProof):
		return "the receipt is of another server, or was changed"
	case errors.As(err, new(*courier.UnknownError)):
		return "is CLIENT_SERVER the right address, and is the server up? the same command goes on where this one stopped"
	case errors.Is(err, fs.ErrPermission):
		return "files and outbox must be readable and writable for the user that the client runs as"
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full"
	}
	return ""
}
