// Command client sends messages to a Sealpost server: one file, or all files
// of an outbox. See services/client/cli for its calls.
package main

import (
	"context"
	"os"

	"sealpost/services/client/cli"
	"sealpost/shared/signals"
	"sealpost/shared/voice"
)

func main() {
	ctx := signals.Context(context.Background())
	os.Exit(cli.Main(ctx, os.Args[1:], voice.Standard()))
}
