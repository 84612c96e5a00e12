// Command client sends messages to a Sealpost server: one file, or all files
// of an outbox. See services/client/cli for its calls.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"sealpost/services/client/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	// The first signal asks the client to come to an end, a second one ends it.
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Main(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
