// Package voice is how the programs speak to people on standard error: the
// program's name, lower case, the cause in one line where it has one, and one
// line with the likely remedy. What other machines said can be in all of them,
// so control characters are made visible.
package voice

import (
	"fmt"
	"io"
	"strings"

	"sealpost/shared/message"
)

// Voice is a program's name.
type Voice string

// Complain prints a failure, a line for each of its causes, and the hint unless
// it is empty.
func (v Voice) Complain(w io.Writer, err error, hint string) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		v.say(w, line)
	}
	if hint != "" {
		v.say(w, "hint: "+hint)
	}
}

// Remark prints what is odd and no failure.
func (v Voice) Remark(w io.Writer, lines []string) {
	for _, line := range lines {
		v.say(w, line)
	}
}

func (v Voice) say(w io.Writer, line string) {
	fmt.Fprintf(w, "%s: %s\n", v, message.Visible(line))
}
