package cli

import (
	"errors"
	"fmt"
	"strings"

	"sealpost/services/driver/handon"
	"sealpost/services/driver/run"
	"sealpost/shared/numbers"
)

// handOnHint is the likely remedy where something was not handed on, "" where there is
// none.
func handOnHint(err error) string {
	var stopped *handon.StoppedError
	var owed *handon.OwedError
	switch {
	case errors.Is(err, handon.ErrInUse):
		return "wait for it: one driver hands on from a directory"
	case errors.Is(err, handon.ErrTaken):
		return "move that file away; the message comes in its place with the next run"
	case errors.As(err, &stopped):
		return fmt.Sprintf("the next run tries it again; \"driver -forget %d\" passes over it", stopped.Number)
	case errors.As(err, &owed):
		return fmt.Sprintf("each run tries them again; \"driver -forget %s\" gives them up", asArgument(owed.Numbers))
	case errors.As(err, new(*handon.PositionError)):
		return "it holds the number that is handed on next, and a line end; without the file all that is in the output " +
			"directory is handed on again"
	case errors.Is(err, run.ErrNothingSigned):
		return "a server of today signs all that it keeps; without DRIVER_SERVER_IDENTITY no signature is asked for"
	}
	return ""
}

// asArgument writes numbers for a command line, or a word for them where they are many.
func asArgument(n numbers.Set) string {
	if which := n.String(); !strings.HasSuffix(which, "…") {
		return which
	}
	return "NUMBERS"
}
