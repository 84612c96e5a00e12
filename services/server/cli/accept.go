package cli

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"

	"sealpost/services/server/state"
	"sealpost/services/server/volumes"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logging/trail"
	"sealpost/shared/message"
	"sealpost/shared/voice"
)

// errNotConfirmed means that nobody said yes.
var errNotConfirmed = errors.New("not confirmed, nothing was changed")

// errNotAlone means that volumes are not one server's to give another id.
var errNotAlone = errors.New("the logbook is that of several servers, which have what is on this volume")

func logbookCommand(ctx context.Context, args []string, std voice.Streams) error {
	if len(args) == 0 || args[0] != "accept" {
		return usageError("logbook accept [-yes]")
	}
	var yes bool
	err := parseFlags("logbook accept", args[1:], func(f *flag.FlagSet) { f.BoolVar(&yes, "yes", false, "") })
	if err != nil {
		return err
	}
	return withVolumes(ctx, func(config volumesConfig, st *state.State) error {
		if config.InCluster() {
			return errNotAlone
		}
		return acceptLogbook(config, st, yes, std)
	})
}

// acceptLogbook makes the two volumes one logbook under a new id, so that no
// receipt of before can be taken for one of after.
func acceptLogbook(config volumesConfig, st *state.State, yes bool, std voice.Streams) error {
	p, err := volumes.Propose(config.DataDir, st)
	if err != nil {
		return err
	}
	defer p.Close()
	fmt.Fprintf(std.Err, "%s\nlog volume %s: logbook %s, %d messages\nstate volume %s: logbook %s\n"+
		"Both are to become one new logbook, which begins with the log volume's messages and goes on at number %d.\n"+
		"Clients and readers that hold to the old id must be told the new one.\n",
		message.Visible(p.Reason.Error()), config.DataDir, orNone(message.Visible(p.Was)), p.Messages,
		config.StateDir, p.State, p.Messages)
	if !yes {
		if err := confirm(std); err != nil {
			return err
		}
	}
	id, err := p.Accept()
	if err != nil {
		return err
	}
	record(std, trail.LogbookAccepted).Str("logbook", id).Str("log_volume", orNone(message.Visible(p.Was))).
		Str("state_volume", p.State).Uint64("messages", p.Messages).Msg("the volumes are one new logbook")
	_, err = fmt.Fprintf(std.Out, "logbook %s, next number %d\nidentity %s\n", id, p.Messages,
		st.Identity().VerifierKey(receipt.Origin(id)))
	return err
}

func orNone(id string) string {
	if id == "" {
		return "none"
	}
	return id
}

// confirm asks on a terminal.
func confirm(std voice.Streams) error {
	f, ok := std.In.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) {
		return errNotConfirmed
	}
	fmt.Fprint(std.Err, "Type yes to go on: ")
	line, err := bufio.NewReader(f).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(line) != "yes" {
		return errNotConfirmed
	}
	return nil
}
