package cli

import (
	"context"

	"github.com/rs/zerolog"

	"sealpost/services/server/daemon"
	"sealpost/services/server/setup"
	"sealpost/shared/logging"
	"sealpost/shared/settings"
	"sealpost/shared/signals"
)

func run(ctx context.Context, std Streams) error {
	var config daemon.Config
	log, err := start(daemon.Prefix, &config, &config.Settings, std)
	if err != nil {
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

func runSetup(_ context.Context, args []string, std Streams) error {
	if len(args) > 0 {
		return usageError("setup takes no arguments")
	}
	var config setupConfig
	log, err := start(setup.Prefix, &config, &config.Settings, std)
	if err != nil {
		return err
	}
	return setup.Run(config.Config, log)
}

// start reads a program's settings and logs what is in force.
func start(prefix string, config any, logs *logging.Settings, std Streams) (zerolog.Logger, error) {
	warnings, err := settings.Load(prefix, config)
	if err != nil {
		speak.Remark(std.Err, warnings) // a misspelt name may be the reason
		return zerolog.Nop(), err
	}
	log, err := logging.New(std.Err, logs.LogLevel, logs.LogFormat)
	if err != nil {
		return zerolog.Nop(), err
	}
	for _, warning := range warnings {
		log.Warn().Msg(warning)
	}
	event := log.Info()
	for _, setting := range settings.Effective(prefix, config) {
		event = event.Str(setting.Name, setting.Value)
	}
	event.Msg("settings")
	return log, nil
}
