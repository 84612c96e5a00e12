package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"sealpost/services/server/daemon"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/state"
	"sealpost/services/server/volumes"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

// errDifferences means that verify found something.
var errDifferences = errors.New("the log files are not what the manifest says")

type volumesConfig struct {
	DataDir string `default:"/data" required:"true"`
	stateConfig
}

// Check reports settings that do not go together.
func (c *volumesConfig) Check() []settings.Problem {
	return append(daemon.CheckDirs(c.DataDir, c.StateDir), c.CheckCluster()...)
}

// mounted tells whether both volumes are there. Empty ones may be meant, missing
// ones never are, and what a server would make of those is not a verdict.
func (c *volumesConfig) mounted() error {
	if _, err := os.Stat(c.DataDir); err != nil {
		return &daemon.DirError{Setting: "SERVER_DATA_DIR", Dir: c.DataDir, Err: err}
	}
	if _, err := os.Stat(c.StateDir); err != nil {
		return &daemon.DirError{Setting: "SERVER_STATE_DIR", Dir: c.StateDir, Err: err}
	}
	return nil
}

// withVolumes opens the state for a command about both volumes.
func withVolumes(ctx context.Context, do func(volumesConfig, *state.State) error) error {
	var config volumesConfig
	if _, err := settings.Load(daemon.Prefix, &config); err != nil {
		return err
	}
	if err := config.mounted(); err != nil {
		return err
	}
	st, err := config.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	return do(config, st)
}

// verify judges the volumes and compares the log files with the manifest, also
// beside a running server.
func verify(ctx context.Context, args []string, std voice.Streams) error {
	if err := noArguments("verify", args); err != nil {
		return err
	}
	return withVolumes(ctx, func(config volumesConfig, st *state.State) error {
		return compare(config.DataDir, st, std)
	})
}

func compare(dir string, st *state.State, std voice.Streams) error {
	differences := 0
	found, err := volumes.Verify(dir, st, func(d local.Difference) {
		differences++
		fmt.Fprintln(std.Out, d)
	})
	if err != nil && !volumes.IsVerdict(err) {
		return err
	}
	retired := ""
	if found.Retired > 0 {
		retired = fmt.Sprintf(", %d retired", found.Retired)
	}
	fmt.Fprintf(std.Out, "%d messages checked, %d differ%s\n", found.Checked, differences, retired)
	if differences > 0 {
		err = errors.Join(err, errDifferences)
	}
	return err
}
