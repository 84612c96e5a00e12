package cli

import (
	"context"
	"errors"

	"github.com/rs/zerolog"

	"sealpost/services/server/daemon"
	"sealpost/services/server/setup"
	"sealpost/shared/logging"
	"sealpost/shared/settings"
	"sealpost/shared/signals"
	"sealpost/shared/voice"
)

func run(ctx context.Context, std voice.Streams) error {
	var config daemon.Config
	log, err := start(ctx, daemon.Prefix, &config, &config.Settings, std)
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
		return nil // it was to end before it began
	case err != nil:
		return err
	}
	return daemon.Run(ctx, config, log, daemon.Options{Reload: reloads(ctx)})
}

// reloads has a value for each hang-up, fewer where they come at once.
func reloads(ctx context.Context) <-chan struct{} {
	asks := make(chan struct{}, 1)
	signals.OnHangup(ctx, func() {
		select {
		case asks <- struct{}{}:
		default:
		}
	})
	return asks
}

// setupConfig is everything that the set-up can be told.
type setupConfig struct {
	setup.Config
	logging.Settings
}

func runSetup(ctx context.Context, args []string, std voice.Streams) error {
	if err := noArguments("setup", args); err != nil {
		return err
	}
	var config setupConfig
	log, err := start(ctx, setup.Prefix, &config, &config.Settings, std)
	if err != nil {
		return err
	}
	return setup.Run(config.Config, log)
}

// start reads a program's settings and logs what is in force. The end of ctx ends
// a reading that takes long: a file of a setting may be a pipe that nobody writes.
func start(ctx context.Context, prefix string, config any, logs *logging.Settings,
	std voice.Streams) (zerolog.Logger, error) {
	warnings, err := signals.Await(ctx, func() ([]string, error) { return settings.Load(prefix, config) })
	if err != nil {
		speak.Remark(std.Err, warnings) // a misspelt name may be the reason
		return zerolog.Nop(), err
	}
	log, err := logging.New(std.Err, logs.LogLevel, logs.LogFormat)
	if err != nil {
		return zerolog.Nop(), err
	}
	settings.Announce(log, zerolog.InfoLevel, prefix, config, warnings, nil)
	return log, nil
}
