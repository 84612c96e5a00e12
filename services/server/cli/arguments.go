package cli

import (
	"flag"
	"io"

	"sealpost/shared/arguments"
)

// noArguments refuses arguments of a command that takes none.
func noArguments(command string, args []string) error {
	if len(arguments.Operands(args)) > 0 {
		return usageError("%s takes no arguments", command)
	}
	return nil
}

// oneArgument reads the flags of a command, before or after its one argument.
func oneArgument(usage string, args []string, define func(*flag.FlagSet)) (string, error) {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	define(flags)
	found, err := arguments.Scatter(flags, args)
	switch {
	case err != nil:
		return "", usageError("%s: %v", usage, err)
	case len(found) != 1 || arguments.Empty(flags) != "":
		return "", usageError("%s", usage)
	}
	return found[0], nil
}
