package cli

import (
	"flag"
	"io"
)

// operands are the arguments of a command without flags: "--" may stand before them.
func operands(args []string) []string {
	if len(args) > 0 && args[0] == "--" {
		return args[1:]
	}
	return args
}

// oneArgument reads the flags of a command, before or after its one argument; what
// stands behind "--" is no flag.
func oneArgument(usage string, args []string, define func(*flag.FlagSet)) (string, error) {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	define(flags)
	var found []string
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return "", usageError("%s: %v", usage, err)
		}
		read := len(args) - flags.NArg()
		if read > 0 && args[read-1] == "--" {
			found = append(found, flags.Args()...)
			break
		}
		if args = flags.Args(); len(args) > 0 {
			found, args = append(found, args[0]), args[1:]
		}
	}
	flags.Visit(func(f *flag.Flag) {
		if f.Value.String() == "" { // a variable of a script that is not set
			found = nil
		}
	})
	if len(found) != 1 {
		return "", usageError("%s", usage)
	}
	return found[0], nil
}
