// Command server takes messages from many senders and writes each, durably and
// once, to a log file of its own. See services/server/cli for its calls.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // the image holds this program and nothing else, TZ must work all the same

	"sealpost/services/server/cli"
	"sealpost/shared/signals"
	"sealpost/shared/voice"
)

func main() {
	ctx := signals.Context(context.Background())
	os.Exit(cli.Main(ctx, os.Args[1:], voice.Standard()))
}
