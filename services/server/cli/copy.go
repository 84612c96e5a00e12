package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"

	"github.com/dustin/go-humanize"

	"sealpost/services/server/logbook/local"
	"sealpost/services/server/state"
	"sealpost/services/server/volumes"
	"sealpost/shared/message"
	"sealpost/shared/progress"
	"sealpost/shared/voice"
)

// errGone means that log files were missing already where a copy was made of.
var errGone = errors.New("the copy is whole but for the log files above, which were missing before it")

// copyVolumes copies both volumes, also beside a running server.
func copyVolumes(ctx context.Context, args []string, std voice.Streams) error {
	to, err := oneArgument("copy DIR", args, func(*flag.FlagSet) {})
	if err != nil {
		return err
	}
	return withVolumes(ctx, func(config volumesConfig, st *state.State) error {
		return copyTo(ctx, to, config, st, std)
	})
}

func copyTo(ctx context.Context, to string, config volumesConfig, st *state.State, std voice.Streams) error {
	screen := progress.NewScreen(std.Err)
	var done volumes.CopyProgress
	stop := screen.Show(progress.Work{Count: func() progress.Count {
		return progress.Count{Done: done.Done.Load(), All: done.All.Load()}
	}})
	gone := 0
	copied, err := volumes.Copy(ctx, config.DataDir, st, to, &done, func(d local.Difference) {
		gone++
		_ = screen.Hold(func() error { _, err := fmt.Fprintln(std.Out, d); return err }) // Out remembers it
	})
	stop()
	if err != nil {
		return err
	}
	if copied.Pending > 0 {
		speak.Remark(std.Err, []string{fmt.Sprintf(
			"%d messages are kept and were not in their places yet: they are not in the copy", copied.Pending)})
	}
	_, err = fmt.Fprintf(std.Out, "%d messages copied to %s and %s, %d files of %s, next number %d\n",
		copied.Messages, message.Visible(filepath.Join(to, volumes.CopiedData)),
		message.Visible(filepath.Join(to, volumes.CopiedState)), copied.Files, humanize.IBytes(copied.Bytes),
		copied.Messages)
	if gone > 0 {
		err = errors.Join(err, errGone)
	}
	return err
}
