package cli

import (
	"context"
	"errors"
	"fmt"

	"sealpost/services/server/daemon"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/state"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/settings"
)

// errDifferences means that verify found something.
var errDifferences = errors.New("the log files are not what the manifest says")

type volumesConfig struct {
	DataDir  string `default:"/data" required:"true"`
	StateDir string `default:"/state" required:"true"`
}

func loadVolumes() (volumesConfig, error) {
	var config volumesConfig
	_, err := settings.Load(daemon.Prefix, &config)
	return config, err
}

// verify compares the log files with the manifest, also beside a running server.
func verify(_ context.Context, args []string, std Streams) error {
	if len(args) > 0 {
		return usageError("verify takes no arguments")
	}
	config, err := loadVolumes()
	if err != nil {
		return err
	}
	st, err := state.Open(config.StateDir)
	if err != nil {
		return err
	}
	defer st.Close()
	differences := 0
	checked, err := local.Verify(config.DataDir, st, func(d local.Difference) {
		differences++
		fmt.Fprintln(std.Out, d)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(std.Out, "%d messages checked, %d differ\n", checked, differences)
	if differences > 0 {
		return errDifferences
	}
	return nil
}

func logbookCommand(_ context.Context, args []string, std Streams) error {
	if len(args) != 1 || args[0] != "accept" {
		return usageError("logbook accept")
	}
	config, err := loadVolumes()
	if err != nil {
		return err
	}
	return acceptLogbook(config, std)
}

// acceptLogbook makes the two volumes one logbook under a new id, so that no
// receipt of before can be taken for one of after.
func acceptLogbook(config volumesConfig, std Streams) error {
	st, err := state.Open(config.StateDir)
	if err != nil {
		return err
	}
	defer st.Close()
	id := state.NewLogbookID()
	entries, checkpoint, err := local.Accept(config.DataDir, id, st)
	if err != nil {
		return err
	}
	// The log volume first: until the state follows, the server stays red.
	if err := errors.Join(st.SetCheckpoint(checkpoint), st.SetLogbookID(id)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.Out, "logbook %s, next number %d\nidentity %s\n", id, entries,
		st.Identity().VerifierKey(receipt.Origin(id)))
	return err
}
