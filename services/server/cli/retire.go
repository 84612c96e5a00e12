package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"

	"sealpost/services/server/state"
	"sealpost/services/server/volumes"
	"sealpost/shared/arguments"
	"sealpost/shared/logging/trail"
	"sealpost/shared/numbers"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

const retireUsage = "retire FIRST-LAST or retire -before TIME"

// retire removes log files on purpose, by the running server where there is one.
func retire(ctx context.Context, args []string, std voice.Streams) error {
	order, err := retireOrder(args)
	if err != nil {
		return err
	}
	return withVolumes(ctx, func(config volumesConfig, st *state.State) error {
		done, err := volumes.Retire(ctx, config.DataDir, st, order, config.InCluster())
		if err != nil {
			return err
		}
		return tellRetired(done, std)
	})
}

func tellRetired(done volumes.Retired, std voice.Streams) error {
	which := "none"
	if !done.Numbers.Empty() {
		which = done.Numbers.Join(",")
		record(std, trail.MessagesRetired).Stringer("numbers", done.Numbers).Uint64("messages", done.Numbers.Count()).
			Uint64("bytes", done.Bytes).Msg("messages were retired")
	}
	_, err := fmt.Fprintf(std.Out, "retired: %s\n%s messages, %s bytes removed\n", which,
		humanize.Comma(int64(done.Numbers.Count())), humanize.Comma(int64(done.Bytes)))
	return err
}

func retireOrder(args []string) (order state.RetireOrder, err error) {
	var before string
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&before, "before", "", "")
	found, err := arguments.Scatter(flags, args)
	switch {
	case err != nil:
		return order, usageError("%s: %v", retireUsage, err)
	case before != "" && len(found) == 0:
		order.Before, err = parseBefore(before)
		return order, err
	case before != "" || len(found) != 1 || arguments.Empty(flags) != "":
		return order, usageError("%s", retireUsage)
	}
	which, err := numbers.Parse(found[0])
	if err != nil || which.Len() != 1 {
		return order, usageError("%s: %q must be a number or a range FIRST-LAST", retireUsage, found[0])
	}
	order.Range = &which.Ranges()[0]
	return order, nil
}

// parseBefore reads a time, or a day in the server's time zone, from its beginning.
func parseBefore(text string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	zone, err := settings.Zone()
	if err != nil {
		return time.Time{}, err
	}
	at, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		return time.Time{}, usageError("retire -before %q must be a date such as 2026-11-27 or a time such as "+
			"2026-11-27T15:00:00Z", text)
	}
	return at, nil
}
