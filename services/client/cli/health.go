package cli

import (
	"context"
	"fmt"

	"sealpost/shared/admin"
	"sealpost/shared/arguments"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

// healthConfig is the one setting that asking a client with -watch needs.
type healthConfig struct {
	AdminListen settings.Address `required:"true"`
}

func healthcheck(ctx context.Context, args []string, std voice.Streams) error {
	if len(arguments.Operands(args)) > 0 {
		return badUsage("healthcheck takes no arguments; a file of that name is ./healthcheck")
	}
	var config healthConfig
	if _, err := settings.Load(prefix, &config); err != nil {
		return err
	}
	if err := admin.Ask(ctx, string(config.AdminListen)); err != nil {
		return err
	}
	_, err := fmt.Fprintln(std.Out, "ready")
	return err
}

// hintHealth is what can be done about a client that is not ready.
func hintHealth(red *admin.NotReadyError) string {
	if red.Silent {
		return "is the client running, with -watch and the same CLIENT_ADMIN_LISTEN?"
	}
	return red.Hint
}

// unreachedError means that the last attempt to reach the server failed.
type unreachedError struct{ reason string }

func (e *unreachedError) Error() string { return "the server cannot be reached: " + e.reason }
