// Package cli is the driver's command line: it finds out what is to be run,
// reads the settings, and turns the outcome into text and an exit status.
//
// Exit status: 0 everything is there and true, 1 something failed, is missing
// or was refused, 2 bad usage or bad settings. Log files and the summary go to
// Out, the log, progress (on a terminal only) and failures to Err; where files are
// printed as lines or not at all, so does the summary.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	client "sealpost/services/client/cli"
	"sealpost/services/driver/onemachine"
	"sealpost/services/driver/run"
	"sealpost/shared/arguments"
	"sealpost/shared/build"
	"sealpost/shared/settings"
	"sealpost/shared/signals"
	"sealpost/shared/voice"
)

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

const usage = `usage: driver [COMMAND]

  driver [-json]          collect the log files over FTP and print the new ones;
                          -json: one JSON object for each, and one to sum up
  driver [-json] -follow  stay, look for new ones every DRIVER_POLL (10s) and
                          collect them, until SIGTERM or SIGINT: exit 0
  driver -again NUMBERS   the same, and once more what was collected before:
                          those of NUMBERS (3-5,7) that are not in the directory
  driver -forget NUMBERS  give up on log files that are missing on the server,
                          and on messages that cannot be handed on
  driver -accept-logbook ID
                          begin anew with that logbook, where the server shows
                          another one on purpose; the old one is set aside
  driver extract LOGFILE  print the message in a log file, byte for byte
      -o FILE             write it into FILE, which must not be there
  driver local            run everything on this machine: server, six clients,
                          an FTP server, and the driver
      -dir DIR            keep everything in DIR (default: a temporary directory)
  driver healthcheck      exit 0 when the driver with -follow is ready, else 1
  driver version          print version, revision, Go version and platform

Settings are environment variables, DRIVER_...
`

// clientWord makes this program the client: driver local starts itself under
// this first argument as the six clients.
const clientWord = "client-process"

// errUsage means that the command line makes no sense.
var errUsage = errors.New("wrong usage")

// Main runs the program with the arguments after its name and returns its exit
// status. The cancellation of ctx ends a run early, which is a failure.
func Main(ctx context.Context, args []string, std voice.Streams) int {
	if len(args) > 0 && args[0] == clientWord {
		return client.Main(ctx, args[1:], std)
	}
	out := voice.NewOutput(std.Out)
	std.Out = out
	err := out.After(dispatch(ctx, args, std))
	if err == nil {
		return exitOK
	}
	speak.Complain(std.Err, err, hint(err))
	var bad *settings.Error
	if errors.Is(err, errUsage) || errors.As(err, &bad) {
		return exitUsage
	}
	return exitFailed
}

func dispatch(ctx context.Context, args []string, std voice.Streams) error {
	args = arguments.Operands(args)
	asJSON, args := takeJSON(args)
	if len(args) == 0 {
		return collect(ctx, asJSON, run.Run, std)
	}
	if args[0] == "-follow" || args[0] == "--follow" {
		return follow(ctx, args[1:], asJSON, std)
	}
	if asJSON && args[0] != "-again" && args[0] != "--again" {
		return fmt.Errorf("%w: -json goes with collecting alone", errUsage)
	}
	if build.Asked(args[0]) {
		if len(args) > 1 {
			return fmt.Errorf("%w: version takes no argument %q", errUsage, args[1])
		}
		return build.Print(std.Out, "driver")
	}
	if args[0] == "help" || arguments.IsHelp(args[0]) {
		_, err := io.WriteString(std.Out, usage)
		return err
	}
	switch args[0] {
	case "-again", "--again":
		return again(ctx, args[1:], asJSON, std)
	case "-forget", "--forget":
		return forget(args[1:], std)
	case "-accept-logbook", "--accept-logbook":
		return acceptLogbook(args[1:], std)
	case "healthcheck":
		return healthcheck(ctx, args[1:], std)
	case "extract":
		return extractMessage(args[1:], std)
	case "local":
		return runLocal(ctx, args[1:], std)
	}
	return fmt.Errorf("%w: no command %q", errUsage, args[0])
}

// takeJSON takes -json from the front.
func takeJSON(args []string) (found bool, rest []string) {
	if len(args) > 0 && (args[0] == "-json" || args[0] == "--json") {
		return true, args[1:]
	}
	return false, args
}

// follow collects until the program is asked to end.
func follow(ctx context.Context, args []string, asJSON bool, std voice.Streams) error {
	after, args := takeJSON(args)
	if len(args) > 0 {
		return fmt.Errorf("%w: -follow takes no argument %q", errUsage, args[0])
	}
	return collect(ctx, asJSON || after, run.Follow, std)
}

// collecting is [run.Run] or [run.Follow].
type collecting func(ctx context.Context, cfg run.Settings, warnings []string, out, errs io.Writer) error

func collect(ctx context.Context, asJSON bool, do collecting, std voice.Streams) error {
	var cfg run.Settings
	// A file of a setting may be a pipe that nobody writes.
	warnings, err := signals.Await(ctx, func() ([]string, error) { return settings.Load(run.Prefix, &cfg) })
	if err != nil {
		speak.Remark(std.Err, warnings) // a misspelt name may be the reason
		return err
	}
	if asJSON {
		cfg.AsJSON()
	}
	cfg.HintBy(hint)
	return do(ctx, cfg, warnings, std.Out, std.Err)
}

func runLocal(ctx context.Context, args []string, std voice.Streams) error {
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // speak says it
	dir := flags.String("dir", "", "")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, err := io.WriteString(std.Out, usage)
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", errUsage, err)
	case flags.NArg() > 0:
		return fmt.Errorf("%w: local takes no argument %q", errUsage, flags.Arg(0))
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	client := []string{self, clientWord}
	return onemachine.Run(ctx, onemachine.Options{Dir: *dir, Client: client, Out: std.Out, Err: std.Err})
}
