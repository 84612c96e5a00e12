package cli

import (
	"context"
	"fmt"

	"sealpost/services/server/daemon"
	"sealpost/shared/admin"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

type healthConfig struct {
	AdminListen settings.Address `default:"127.0.0.1:9513" required:"true"`
}

func healthcheck(ctx context.Context, args []string, std voice.Streams) error {
	if err := noArguments("healthcheck", args); err != nil {
		return err
	}
	var config healthConfig
	if _, err := settings.Load(daemon.Prefix, &config); err != nil {
		return err
	}
	if err := admin.Ask(ctx, string(config.AdminListen)); err != nil {
		return err
	}
	_, err := fmt.Fprintln(std.Out, "ready")
	return err
}

// healthHint is what can be done about a server that is not ready.
func healthHint(red *admin.NotReadyError) string {
	if red.Silent {
		return "is the server running? SERVER_ADMIN_LISTEN is where it is asked"
	}
	return red.Hint
}
