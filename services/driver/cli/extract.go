package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"sealpost/services/driver/extract"
	"sealpost/shared/arguments"
	"sealpost/shared/voice"
)

// extractMessage prints the message of a log file, or writes it into a new file.
func extractMessage(args []string, std voice.Streams) error {
	flags := flag.NewFlagSet("extract", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // speak says it
	target := flags.String("o", "", "")
	rest, err := arguments.Scatter(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, err := io.WriteString(std.Out, usage)
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", errUsage, err)
	case arguments.Empty(flags) != "":
		return fmt.Errorf("%w: -o needs the name of a file", errUsage)
	case len(rest) != 1:
		return fmt.Errorf("%w: extract takes one argument: a log file", errUsage)
	}
	var checked bool
	if *target == "" {
		checked, err = extract.Message(rest[0], std.Out)
	} else {
		checked, err = extract.ToFile(rest[0], *target)
	}
	if err == nil && !checked {
		speak.Remark(std.Err, []string{"the form of the log file alone was checked: no manifest beside it names it"})
	}
	return err
}
