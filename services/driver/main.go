// Command driver collects a server's log files over FTP, checks them and
// prints what is new. See services/driver/cli for its calls.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // the image holds this program and nothing else, TZ must work all the same

	"sealpost/services/driver/cli"
	"sealpost/shared/signals"
	"sealpost/shared/voice"
)

func main() {
	ctx := signals.Context(context.Background())
	os.Exit(cli.Main(ctx, os.Args[1:], voice.Standard()))
}
