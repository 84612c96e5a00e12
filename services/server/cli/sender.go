package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"sealpost/services/server/state"
	"sealpost/shared/crypto/token"
)

func sender(ctx context.Context, args []string, std Streams) error {
	if len(args) == 0 {
		return usageError("sender add NAME, sender remove NAME or sender list")
	}
	switch args[0] {
	case "add":
		return addSender(ctx, args[1:], std)
	case "remove":
		return removeSender(ctx, args[1:], std)
	case "list":
		return listSenders(ctx, args[1:], std)
	}
	return usageError("no command %q", "sender "+args[0])
}

func addSender(_ context.Context, args []string, std Streams) error {
	if len(args) != 1 {
		return usageError("sender add NAME")
	}
	st, err := openState()
	if err != nil {
		return err
	}
	defer st.Close()
	tok, err := st.AddSender(args[0])
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.Out, "CLIENT_SERVER_IDENTITY=%s\nCLIENT_TOKEN=%s\n", st.Pins(), tok.Reveal())
	if err != nil {
		// Nobody has seen it. Were it kept, it would count as the sender's newest.
		return errors.Join(err, withdraw(st, tok))
	}
	return nil
}

// errWithdrawn means that a token nobody has seen was made invalid again.
var errWithdrawn = errors.New("the token was made invalid again")

func withdraw(st *state.State, tok token.Token) error {
	if err := st.Withdraw(tok); err != nil {
		return err
	}
	return errWithdrawn
}

func removeSender(_ context.Context, args []string, std Streams) error {
	name, keepNewest, err := removeArguments(args)
	if err != nil {
		return err
	}
	st, err := openState()
	if err != nil {
		return err
	}
	defer st.Close()
	n, err := st.RemoveSender(name, keepNewest)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.Out, "tokens of %s removed: %d\n", name, n)
	return err
}

// removeArguments takes the flag before or after the name.
func removeArguments(args []string) (name string, keepNewest bool, err error) {
	flags := flag.NewFlagSet("remove", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&keepNewest, "keep-newest", false, "")
	if err := flags.Parse(args); err != nil {
		return "", false, usageError("sender remove: %v", err)
	}
	if flags.NArg() == 0 {
		return "", false, usageError("sender remove [-keep-newest] NAME")
	}
	name = flags.Arg(0)
	if err := flags.Parse(flags.Args()[1:]); err != nil {
		return "", false, usageError("sender remove: %v", err)
	}
	if flags.NArg() > 0 {
		return "", false, usageError("sender remove [-keep-newest] NAME")
	}
	return name, keepNewest, nil
}

func listSenders(_ context.Context, args []string, std Streams) error {
	if len(args) > 0 {
		return usageError("sender list takes no arguments")
	}
	st, err := openState()
	if err != nil {
		return err
	}
	defer st.Close()
	senders, err := st.Senders()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(std.Out, 0, 0, 2, ' ', 0)
	for _, s := range senders {
		fmt.Fprint(table, s.Name)
		for _, created := range s.Created {
			fmt.Fprint(table, "\t", created.UTC().Format(time.RFC3339))
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}
