// Package cli is the client's command line: it reads arguments and settings,
// calls the packages that do the work, and turns the outcome into text and an
// exit status.
//
// Exit status: 0 every message has its receipt, 1 it failed here, 2 bad usage
// or bad settings, 3 refused for good, 4 not known to be delivered. For each
// message sent, Out gets one line: its number, the name of its log file, its
// id and its own name, with one space between; with -json each message one JSON
// object, whatever became of it. The log and everything about failures go to Err,
// and so does, on a terminal, the progress.
package cli

import (
	"context"
	"io"

	"sealpost/services/client/courier"
	"sealpost/shared/arguments"
	"sealpost/shared/build"
	"sealpost/shared/signals"
	"sealpost/shared/voice"
)

const usage = `usage: client [FLAGS] FILE [PASSWORD]     send one file; - is standard input
       client -files FILE...              send several, each as a message
       client -outbox DIR [-watch]        send every file in DIR
       client -outbox DIR -accept-logbook make the outbox take the server's logbook
       client -outbox DIR -resend-since TIME
                                          send again what was sent since, under
                                          the same ids: a restored server may
                                          have lost it
       client verify RECEIPT FILE         check a receipt, without the server
       client healthcheck                 is the client with -watch ready? exit 0 or 1
       client version                     print version, revision, Go version
                                          and platform

  -id ID           send under this message id (32 hex digits), to repeat an attempt
  -name NAME       the message's name, where it is not the file's
  -receipt FILE    keep the receipt there; only a receipt of the same message
                   is ever replaced
  -allow-empty     take a pipe or standard input that is empty for a message
  -outbox DIR      several clients may share one; not on Windows
  -watch           stay and send what is put in, until SIGTERM
  -json            print one JSON object for each message, whatever became of it
  -quiet           print no results, and of the log errors alone

With PASSWORD, or CLIENT_PASSWORD set, the message is enciphered as in 2012. A
PASSWORD that is the name of a file is refused: it is then for CLIENT_PASSWORD.
Settings are environment variables, CLIENT_...; CLIENT_TOKEN and
CLIENT_SERVER_IDENTITY are required.
Exit status: 0 receipted, 1 failed here, 2 usage or settings, 3 refused for
good, 4 not known to be delivered: send it again under the same id. With -files
it is the highest of all. A hang-up (SIGHUP) ends nothing.
`

// carrier is what the commands need of a *courier.Courier.
type carrier interface {
	Deliver(context.Context, courier.Message) (courier.Delivery, error)
	Logbook(context.Context) (string, error)
	Close() error
}

// Main runs the program with the arguments after its name and returns its exit
// status. The cancellation of ctx makes it give up what it does; with -watch
// that is the normal end.
func Main(ctx context.Context, args []string, std voice.Streams) int {
	out := voice.NewOutput(std.Out)
	std.Out = out
	err := out.After(dispatch(ctx, args, std))
	if err != nil {
		speak.Complain(std.Err, err, hint(err))
	}
	return status(err)
}

func dispatch(ctx context.Context, args []string, std voice.Streams) error {
	if wantsHelp(args) {
		_, err := io.WriteString(std.Out, usage)
		return err
	}
	if len(args) == 1 && build.Asked(args[0]) {
		return build.Print(std.Out, "client")
	}
	if len(args) > 0 && args[0] == "verify" {
		return verify(ctx, args[1:], std)
	}
	if len(args) > 0 && args[0] == "healthcheck" {
		return healthcheck(ctx, args[1:], std)
	}
	opts, err := parse(args)
	if err != nil {
		return err
	}
	r, err := await(ctx, func() (*runner, error) { return begin(opts, std) })
	if err != nil {
		return err
	}
	defer r.close()
	signals.LogHangups(ctx, r.log)
	switch {
	case opts.acceptLogbook:
		return r.acceptLogbook(ctx)
	case opts.resends():
		return r.resend(ctx)
	case opts.outbox != "":
		return r.sendOutbox(ctx)
	case len(opts.files) > 0:
		return r.sendFiles(ctx)
	case r.settings.Wire == wire2012:
		return r.send2012(ctx)
	default:
		return r.sendOne(ctx)
	}
}

func wantsHelp(args []string) bool {
	return len(args) == 1 && (args[0] == "help" || arguments.IsHelp(args[0]))
}
