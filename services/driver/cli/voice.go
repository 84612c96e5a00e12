package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"sealpost/services/driver/audit"
	"sealpost/services/driver/collector"
	"sealpost/services/driver/receipts"
	"sealpost/services/driver/run"
	"sealpost/shared/admin"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

// speak puts failures into words for people.
const speak = voice.Voice("driver")

// hint is the likely remedy, "" where there is none.
func hint(err error) string {
	var bad *settings.Error
	var connect *collector.ConnectError
	var unsent *receipts.UnsentError
	var broken *collector.ServerError
	var red *admin.NotReadyError
	if hint := logbookHint(err); hint != "" {
		return hint
	}
	switch {
	case errors.Is(err, errUsage):
		return "driver -h shows the commands"
	case errors.As(err, &red):
		return hintHealth(red)
	case errors.As(err, &bad):
		return "the README lists the settings"
	case errors.As(err, &broken) && strings.Contains(broken.Line, "OOPS"):
		return "the FTP server says what it cannot do: its user must be able to enter the directory of the log files " +
			"and all above it (mode 0755)"
	case errors.As(err, &connect):
		return connectHint(connect)
	case errors.As(err, &unsent):
		return "look at the clients' logs: they say why they do not send"
	case errors.Is(err, run.ErrCheckpointGone) && noManifest(err):
		return "DRIVER_FTP_DIR, or else the FTP user's directory, must be the server's logs directory; if it is, leave " +
			"output directory and outbox as they are, they are the evidence"
	case errors.Is(err, audit.ErrAltered), errors.Is(err, audit.ErrShort), errors.Is(err, audit.ErrSplit),
		errors.Is(err, run.ErrCheckpointGone), errors.Is(err, run.ErrRetiredGone), errors.Is(err, run.ErrOtherLogbook),
		errors.Is(err, receipt.ErrLowerSerial), errors.Is(err, receipt.ErrTakenBack):
		return "leave output directory and outbox as they are, they are the evidence; " +
			"on the server, \"server verify\" says what differs there"
	case errors.Is(err, receipt.ErrSignature):
		return "DRIVER_SERVER_IDENTITY must be the identity of the server that wrote these logs (server identity), " +
			"or both while it is replaced"
	case errors.Is(err, receipts.ErrRefused):
		return "what was refused stays in the outbox under refused until it is taken away"
	}
	if hint := fileHint(err); hint != "" {
		return hint
	}
	if hint := handOnHint(err); hint != "" {
		return hint
	}
	if errors.As(err, new(*voice.OutputError)) {
		return "log files that were collected are in the output directory, and are not printed again"
	}
	return ""
}

func connectHint(err *collector.ConnectError) string {
	switch {
	case err.Login:
		return "check DRIVER_FTP_USER and DRIVER_FTP_PASSWORD; " +
			"a server that demands TLS refuses so, too (DRIVER_FTP_TLS=explicit)"
	case err.Dir != "":
		return "DRIVER_FTP_DIR must name the server's logs directory as the FTP user sees it, " +
			"and let that user enter it (mode 0755)"
	case err.Verify:
		return "DRIVER_FTP_CA_FILE must hold the certificate's authority, DRIVER_FTP_SERVER_NAME the name in it"
	}
	return "check DRIVER_FTP_ADDR and that the FTP server is up; DRIVER_FTP_TLS says whether it speaks TLS"
}

// noManifest reports whether the server has none, as a wrong directory has none.
func noManifest(err error) bool {
	var manifest *collector.ManifestError
	return errors.As(err, &manifest) && errors.Is(manifest, collector.ErrMissing)
}

func fileHint(err error) string {
	var missing *collector.MissingError
	var list *collector.OwedError
	switch {
	case errors.Is(err, collector.ErrInUse):
		return "wait for it, or give each driver a DRIVER_OUTPUT_DIR of its own"
	case errors.Is(err, collector.ErrForeign):
		return "move the file away; what was collected before comes once more by \"driver -again NUMBER\""
	case errors.Is(err, collector.ErrTooLarge):
		return "DRIVER_MAX_FILE_BYTES sets the limit"
	case errors.Is(err, collector.ErrChanged), errors.Is(err, collector.ErrBehind):
		return "this is not the logbook that was collected before, or it lost its end; a new DRIVER_OUTPUT_DIR starts afresh"
	case noManifest(err):
		return "the FTP user's directory must be the server's logs directory, or DRIVER_FTP_DIR name it"
	case errors.As(err, &missing):
		return missingHint(missing)
	case errors.Is(err, collector.ErrTrouble), errors.Is(err, collector.ErrGrowth):
		return "run the driver again: it goes on behind what it has"
	case errors.As(err, &list):
		return "it holds a number or FIRST-LAST on each line; without the file nothing in it is tried again"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "the output directory must be writable, the outbox readable, for the user that the driver runs as"
	}
	return ""
}

func missingHint(err *collector.MissingError) string {
	text := fmt.Sprintf("each run tries them again; "+
		"where they were removed on purpose, \"driver -forget %s\" gives them up", asArgument(err.Numbers))
	if err.NoList {
		text += "; with DRIVER_SERVER_IDENTITY those that the server has retired are passed over"
	}
	return text
}
