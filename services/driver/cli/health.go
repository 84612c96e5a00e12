package cli

import (
	"context"
	"fmt"

	"sealpost/services/driver/run"
	"sealpost/shared/admin"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

// healthConfig is the one setting that asking a driver with -follow needs.
type healthConfig struct {
	AdminListen settings.Address `required:"true"`
}

func healthcheck(ctx context.Context, args []string, std voice.Streams) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: healthcheck takes no argument %q", errUsage, args[0])
	}
	var config healthConfig
	if _, err := settings.Load(run.Prefix, &config); err != nil {
		return err
	}
	if err := admin.Ask(ctx, string(config.AdminListen)); err != nil {
		return err
	}
	_, err := fmt.Fprintln(std.Out, "ready")
	return err
}

// hintHealth is what can be done about a driver that is not ready.
func hintHealth(red *admin.NotReadyError) string {
	if red.Silent {
		return "is the driver running, with -follow and the same DRIVER_ADMIN_LISTEN?"
	}
	return red.Hint
}
