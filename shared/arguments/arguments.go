// Package arguments reads what stands on a command line beside and between flags.
// Flags are those of package flag, which takes -receipt and --receipt alike, as
// the programs always have. Package pflag, which finds flags wherever they stand,
// takes -receipt for seven flags of one letter; Scatter is what flag lacks.
package arguments

import "flag"

// Operands are the arguments of a command without flags: "--" may stand before them.
func Operands(args []string) []string {
	if len(args) > 0 && args[0] == "--" {
		return args[1:]
	}
	return args
}

// IsHelp reports whether an argument is the flag that asks for help.
func IsHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

// Scatter parses flags wherever they stand and returns the other arguments; what
// stands behind "--" is not a flag. With the error of a flag it returns those that it
// found before.
func Scatter(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return rest, err
		}
		read := len(args) - flags.NArg()
		if flags.NArg() == 0 || read > 0 && args[read-1] == "--" {
			return append(rest, flags.Args()...), nil
		}
		rest = append(rest, flags.Arg(0))
		args = flags.Args()[1:]
	}
}

// Empty returns a flag that was given an empty value, or "": a variable of a script
// that is not set must not pass for a flag that was left out.
func Empty(flags *flag.FlagSet) (name string) {
	flags.Visit(func(f *flag.Flag) {
		if f.Value.String() == "" {
			name = f.Name
		}
	})
	return name
}
