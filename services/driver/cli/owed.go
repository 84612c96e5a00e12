package cli

import (
	"context"
	"errors"
	"fmt"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/handon"
	"sealpost/services/driver/run"
	"sealpost/shared/arguments"
	"sealpost/shared/numbers"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

// again collects with numbers among what is to come.
func again(ctx context.Context, args []string, asJSON bool, std voice.Streams) error {
	dir, which, err := whichNumbers("-again", args)
	if err != nil {
		return err
	}
	if err := collector.Again(dir, which); err != nil {
		return err
	}
	return collect(ctx, asJSON, run.Run, std)
}

// forget gives up on numbers that are owed, and on the one at which handing on
// stands.
func forget(args []string, std voice.Streams) error {
	dir, which, err := whichNumbers("-forget", args)
	if err != nil {
		return err
	}
	forgotten, err := handon.Forget(dir, which)
	if err != nil {
		return err
	}
	owed, err := collector.Forget(dir, which)
	if err != nil && (forgotten.Empty() || !errors.Is(err, collector.ErrNotOwed)) {
		return err
	}
	forgotten.AddAll(owed)
	_, err = fmt.Fprintf(std.Out, "forgotten: %v\n", forgotten)
	return err
}

// whichNumbers reads the argument of a flag, and the output directory's setting.
func whichNumbers(flag string, args []string) (dir string, which numbers.Set, err error) {
	args = arguments.Operands(args)
	if len(args) != 1 {
		return "", which, fmt.Errorf("%w: %s takes one argument: numbers such as 3-5,7", errUsage, flag)
	}
	if which, err = numbers.Parse(args[0]); err != nil {
		return "", which, fmt.Errorf("%w: %s %q: %w", errUsage, flag, args[0], err)
	}
	var out run.Output
	_, err = settings.Load(run.Prefix, &out) // the warnings are about settings that are not needed here
	return out.OutputDir, which, err
}
