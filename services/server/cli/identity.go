package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"sealpost/services/server/state"
	"sealpost/services/server/state/shared"
	"sealpost/shared/crypto/identity"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logging/trail"
	"sealpost/shared/voice"
)

// defaultOverlap is how long a replaced identity still signs: time enough for
// whoever reads receipts or checkpoints once a month.
const defaultOverlap = 720 * time.Hour

func identityCommand(ctx context.Context, args []string, std voice.Streams) error {
	if len(args) == 0 {
		return withState(ctx, func(st *state.State) error {
			_, err := fmt.Fprintln(std.Out, st.Identity().VerifierKey(receipt.Origin(st.LogbookID())))
			return err
		})
	}
	name, args := args[0], args[1:]
	switch name {
	case "next":
		return nextIdentity(ctx, args, std)
	case "switch":
		return switchIdentity(ctx, args, std)
	case "retire", "list":
		if err := noArguments("identity "+name, args); err != nil {
			return err
		}
	default:
		return usageError("no command %q", "identity "+name)
	}
	if name == "list" {
		return withState(ctx, func(st *state.State) error { return listIdentities(st, std) })
	}
	if err := changeState(ctx, std, retireFormers); err != nil {
		return err
	}
	return settled(ctx, std)
}

// settled returns once no server of a cluster signs by what was shared before: each has
// what is shared now, or signs nothing.
func settled(ctx context.Context, std voice.Streams) error {
	config, err := loadState()
	if err != nil || !config.InCluster() {
		return err
	}
	const enough = shared.Stale + time.Second // what is heard is in use a moment later
	speak.Remark(std.Err, []string{fmt.Sprintf("waiting %s: until then a server may not have heard of it", enough)})
	select {
	case <-time.After(enough):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func retireFormers(st *state.State, std voice.Streams) error {
	formers := st.Formers()
	n, err := st.RetireFormer()
	if err != nil {
		return err
	}
	for _, f := range formers {
		if f.Signs {
			record(std, trail.IdentityRetired).Stringer("identity", f.Pin).Msg("a former identity signs no more")
		}
	}
	_, err = fmt.Fprintf(std.Out, "private keys deleted: %d\n", n)
	return err
}

// nextIdentity prints the pins as settings, since that is where they belong.
func nextIdentity(ctx context.Context, args []string, std voice.Streams) error {
	var discard bool
	err := parseFlags("identity next", args, func(f *flag.FlagSet) { f.BoolVar(&discard, "discard", false, "") })
	if err != nil {
		return err
	}
	return changeState(ctx, std, func(st *state.State, std voice.Streams) error {
		before := st.Pins()
		if discard {
			return discardNext(st, before, std)
		}
		if _, err := st.NextIdentity(); err != nil {
			return err
		}
		if pins := st.Pins(); len(pins) > len(before) {
			record(std, trail.IdentityNextMade).Stringer("identity", pins[1]).Msg("a next identity was made")
		}
		_, err := fmt.Fprintf(std.Out, "CLIENT_SERVER_IDENTITY=%[1]s\nDRIVER_SERVER_IDENTITY=%[1]s\n", st.Pins())
		return err
	})
}

func discardNext(st *state.State, pins identity.Pins, std voice.Streams) error {
	if err := st.DiscardNext(); err != nil {
		return err
	}
	record(std, trail.IdentityNextDiscarded).Stringer("identity", pins[len(pins)-1]).Msg("the next identity was discarded")
	return nil
}

func switchIdentity(ctx context.Context, args []string, std voice.Streams) error {
	overlap := defaultOverlap
	err := parseFlags("identity switch", args, func(f *flag.FlagSet) { f.DurationVar(&overlap, "for", overlap, "") })
	if err != nil {
		return err
	}
	if overlap < 0 {
		return usageError("identity switch: -for must not be negative")
	}
	return changeState(ctx, std, func(st *state.State, std voice.Streams) error {
		former := st.Pins()[0]
		if err := st.SwitchIdentity(overlap); err != nil {
			return err
		}
		record(std, trail.IdentitySwitched).Stringer("identity", st.Pins()[0]).Stringer("former", former).
			Msg("the identity was replaced")
		return listIdentities(st, std)
	})
}

// listIdentities prints a role, a pin and what is to be said of it, each line.
func listIdentities(st *state.State, std voice.Streams) error {
	table := tabwriter.NewWriter(std.Out, 0, 0, 2, ' ', 0)
	for i, pin := range st.Pins() {
		_, _ = fmt.Fprintf(table, "%s\t%s\n", []string{"current", "next"}[i], pin)
	}
	for _, f := range st.Formers() {
		what := "replaced " + f.Replaced.UTC().Format(time.RFC3339)
		if f.Signs {
			what += ", signs until " + f.Until.UTC().Format(time.RFC3339)
		}
		_, _ = fmt.Fprintf(table, "former\t%s\t%s\n", f.Pin, what)
	}
	return table.Flush()
}

// parseFlags reads the flags of a command that takes nothing else.
func parseFlags(name string, args []string, define func(*flag.FlagSet)) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	define(flags)
	if err := flags.Parse(args); err != nil {
		return usageError("%s: %v", name, err)
	}
	if flags.NArg() > 0 {
		return usageError("%s takes no arguments but flags", name)
	}
	return nil
}
