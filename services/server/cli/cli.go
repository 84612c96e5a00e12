// Package cli is the server's command line: it finds the subcommand, reads the
// settings, calls the package that does the work, and turns the outcome into
// text and an exit status.
//
// Exit status: 0 done, 1 it failed, 2 bad usage or bad settings. Results go to
// Out, the log and everything about failures to Err.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sealpost/services/server/daemon"
	"sealpost/shared/arguments"
	"sealpost/shared/build"
	"sealpost/shared/message"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

const usage = `usage: server [COMMAND]

  server                      take messages until SIGTERM
  server sender add NAME      make a token for a sender, print it as an env file
      -o FILE                 write it to FILE, which must not be there, for you alone
      -max-bytes-per-day 10GiB
                              how many bytes it may send in a day, by UTC
      -max-rate 10            how many messages a second
  server sender set NAME      change what a sender may send: the same flags, 0 for no limit
  server sender remove NAME   make a sender's tokens invalid
      -keep-newest            all but the newest
  server sender list          show the senders: tokens, last message, totals, limits
      -json                   one JSON object a line
  server identity             print the server's identity, which clients pin
  server identity next        make the identity that is to replace it, and print
                              both, which clients are to list
      -discard                forget it
  server identity switch      put the next identity in the place of the current one
      -for 720h               how long the old one still signs checkpoints too
  server identity retire      let replaced identities sign no more, from now on
  server identity list        show the current, the next and the replaced ones
  server retire FIRST-LAST    remove the log files of messages; their lines and receipts
                              stay, and readers pass over them
      -before TIME            instead: of all that came before TIME (2026-11-27, or
                              2026-11-27T15:00:00Z), the oldest first
  server verify               judge the volumes as a start does, and compare every
                              log file with the manifest
  server copy DIR             copy both volumes into DIR/data and DIR/state, also
                              beside a running server; DIR is empty or not there
  server logbook accept       give volumes that do not fit each other a new
                              logbook id, with the server stopped
      -yes                    without asking
  server cluster COMMAND      for several servers: key, accounts, init, import, join,
                              forget, leave, status, upgrade, void; server cluster -h
  server healthcheck          exit 0 when the server is ready, else 1
  server setup                prepare the volumes of the demonstration
  server version              print version, revision, Go version and platform

Settings are environment variables, SERVER_... (SETUP_... for setup).
Changes to senders and identities, and retire, reach a running server at once.
`

// errUsage means that the command line makes no sense.
var errUsage = errors.New("wrong usage")

func usageError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUsage, fmt.Sprintf(format, args...))
}

// command is one subcommand with the arguments after its name.
type command func(ctx context.Context, args []string, std voice.Streams) error

var commands = map[string]command{
	"sender":      sender,
	"identity":    identityCommand,
	"setup":       runSetup,
	"verify":      verify,
	"copy":        copyVolumes,
	"retire":      retire,
	"logbook":     logbookCommand,
	"cluster":     clusterCommand,
	"healthcheck": healthcheck,
}

// Main runs the program with the arguments after its name and returns its exit
// status. The cancellation of ctx makes a running server drain and end with 0.
func Main(ctx context.Context, args []string, std voice.Streams) int {
	out := voice.NewOutput(std.Out)
	std.Out = out
	err := out.After(dispatch(ctx, args, std))
	if err == nil {
		return exitOK
	}
	speak.Complain(std.Err, err, hint(err))
	var bad *settings.Error
	var name *message.NameError
	if errors.Is(err, errUsage) || errors.As(err, &bad) || errors.As(err, &name) {
		return exitUsage
	}
	return exitFailed
}

func dispatch(ctx context.Context, args []string, std voice.Streams) error {
	args = arguments.Operands(args)
	if len(args) == 0 {
		return run(ctx, std)
	}
	if wantsHelp(args) {
		text := usage
		if args[0] == "cluster" {
			text = clusterUsage
		}
		_, err := io.WriteString(std.Out, text)
		return err
	}
	if build.Asked(args[0]) {
		if err := noArguments("version", args[1:]); err != nil {
			return err
		}
		return build.Print(std.Out, "server")
	}
	cmd, ok := commands[args[0]]
	if !ok {
		return usageError("no command %q", args[0])
	}
	if args[0] != "setup" { // which has settings of its own, and logs
		speak.Remark(std.Err, settings.Unknown(daemon.Prefix, new(daemon.Config)))
	}
	return cmd(ctx, args[1:], std)
}

func wantsHelp(args []string) bool {
	for _, arg := range args {
		switch {
		case arguments.IsHelp(arg):
			return true
		case arg == "--": // no flag stands behind it
			return false
		}
	}
	return args[0] == "help"
}
