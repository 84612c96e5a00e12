package cli

import (
	"cmp"
	"errors"
	"fmt"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/handon"
	"sealpost/services/driver/run"
	"sealpost/shared/arguments"
	"sealpost/shared/message"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

// acceptLogbook sets aside what was collected, and has the next run begin anew with
// another logbook.
func acceptLogbook(args []string, std voice.Streams) error {
	args = arguments.Operands(args)
	if len(args) != 1 {
		return fmt.Errorf("%w: -accept-logbook takes one argument: the logbook's id", errUsage)
	}
	if _, err := message.ParseID(args[0]); err != nil {
		return fmt.Errorf("%w: -accept-logbook %q: %w", errUsage, args[0], err)
	}
	var out run.Output
	if _, err := settings.Load(run.Prefix, &out); err != nil { // the warnings are about other settings
		return err
	}
	former, err := handon.AcceptLogbook(out.OutputDir, args[0])
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.Out, "%s knows logbook %s now, what was collected before: %s\n",
		out.OutputDir, args[0], cmp.Or(former, "nothing"))
	return err
}

// logbookHint is the likely remedy where the server shows another logbook, "" where it
// does not.
func logbookHint(err error) string {
	var book *run.LogbookError
	switch {
	case errors.As(err, &book):
		id := "ID"
		if _, err := message.ParseID(book.Server); err == nil {
			id = book.Server
		}
		return "if the server has a new logbook on purpose: driver -accept-logbook " + id +
			"; what was collected then lies in former-… in the output directory, and all that the new one has comes"
	case errors.Is(err, run.ErrNoLogbook):
		return "the server must have a checkpoint of that logbook, signed by DRIVER_SERVER_IDENTITY"
	case errors.Is(err, collector.ErrUnknownLogbook):
		return "a new DRIVER_OUTPUT_DIR starts afresh"
	}
	return ""
}
