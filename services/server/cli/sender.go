package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"sealpost/services/server/state"
	"sealpost/shared/crypto/token"
	"sealpost/shared/logging/trail"
	"sealpost/shared/message"
	"sealpost/shared/voice"
)

func sender(ctx context.Context, args []string, std voice.Streams) error {
	if len(args) == 0 {
		return usageError("sender add [-o FILE] NAME, sender set NAME, sender remove NAME or sender list")
	}
	switch args[0] {
	case "add":
		return addSender(ctx, args[1:], std)
	case "set":
		return limitSender(ctx, args[1:], std)
	case "remove":
		return removeSender(ctx, args[1:], std)
	case "list":
		return listSenders(ctx, args[1:], std)
	}
	return usageError("no command %q", "sender "+args[0])
}

func addSender(ctx context.Context, args []string, std voice.Streams) error {
	var path string
	var limits state.LimitsChange
	name, err := oneArgument("sender add [-o FILE] "+limitFlags+" NAME", args, func(f *flag.FlagSet) {
		f.StringVar(&path, "o", "", "")
		defineLimits(f, &limits)
	})
	if err != nil {
		return err
	}
	if path != "" {
		return addSenderTo(ctx, name, path, limits, std)
	}
	tok, text, err := newToken(ctx, name, limits, std)
	if err != nil {
		return err
	}
	if voice.Exposed(std.Out) {
		speak.Remark(std.Err, []string{"others may read the file that standard output is, and so the token: " +
			"chmod 600 it, or have it written by sender add -o FILE"})
	}
	if _, err = io.WriteString(std.Out, text); err != nil {
		// Nobody has seen it. Were it kept, it would count as the sender's newest.
		return errors.Join(err, withdraw(ctx, std, tok))
	}
	recordAdded(std, name)
	return nil
}

// newToken returns a sender's new token, and what a client needs, as an env file.
func newToken(ctx context.Context, name string, limits state.LimitsChange,
	std voice.Streams) (tok token.Token, text string, err error) {
	err = changeState(ctx, std, func(st *state.State, std voice.Streams) (err error) {
		if tok, err = st.AddLimited(name, limits); err != nil {
			return err
		}
		recordLimits(std, st, name, limits)
		text = envOf(st, tok)
		return nil
	})
	return tok, text, err
}

func recordAdded(std voice.Streams, name string) {
	record(std, trail.SenderAdded).Str("sender", name).Int("tokens", 1).Msg("a sender has a new token")
}

// addSenderTo is addSender into a new file, which is there before the token is.
func addSenderTo(ctx context.Context, name, path string, limits state.LimitsChange, std voice.Streams) error {
	file, err := newSecretFile(path)
	if err != nil {
		return err
	}
	tok, text, err := newToken(ctx, name, limits, std)
	if err != nil {
		return errors.Join(err, file.discard())
	}
	if err := file.keep(text); err != nil {
		return errors.Join(err, withdraw(ctx, std, tok), file.discard())
	}
	recordAdded(std, name)
	_, err = fmt.Fprintf(std.Out, "token of %s written to %s\n", name, message.Visible(path))
	return err
}

// envOf is what a client needs, as an env file.
func envOf(st *state.State, tok token.Token) string {
	return fmt.Sprintf("CLIENT_SERVER_IDENTITY=%s\nCLIENT_TOKEN=%s\n", st.Pins(), tok.Reveal())
}

// errWithdrawn means that a token nobody has seen was made invalid again.
var errWithdrawn = errors.New("the token was made invalid again")

func withdraw(ctx context.Context, std voice.Streams, tok token.Token) error {
	err := changeState(ctx, std, func(st *state.State, _ voice.Streams) error { return st.Withdraw(tok) })
	if err != nil {
		return err
	}
	return errWithdrawn
}

func removeSender(ctx context.Context, args []string, std voice.Streams) error {
	var keepNewest bool
	name, err := oneArgument("sender remove [-keep-newest] NAME", args, func(f *flag.FlagSet) {
		f.BoolVar(&keepNewest, "keep-newest", false, "")
	})
	if err != nil {
		return err
	}
	return changeState(ctx, std, func(st *state.State, std voice.Streams) error {
		n, err := st.RemoveSender(name, keepNewest)
		if err != nil {
			return err
		}
		if n > 0 {
			record(std, trail.SenderRemoved).Str("sender", name).Int("tokens", n).Msg("tokens of a sender are valid no more")
		}
		_, err = fmt.Fprintf(std.Out, "tokens of %s removed: %d\n", name, n)
		return err
	})
}
