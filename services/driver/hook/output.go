package hook

import (
	"bytes"

	"github.com/rs/zerolog"

	"sealpost/shared/message"
)

// Bounds of what is logged of one run of a command.
const (
	mostLine  = 1 << 10 // bytes of a line
	mostLines = 100
)

// output logs what a command says, line by line. It takes everything, so that the
// command never waits, and logs no more than the bounds say.
type output struct {
	log    zerolog.Logger
	number uint64
	line   []byte // so far
	long   bool   // the line is longer
	lines  int
	last   string // the last line that had any text
}

func (o *output) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		text, after, ended := bytes.Cut(rest, []byte("\n"))
		o.add(text)
		if ended {
			o.end()
		}
		rest = after
	}
	return len(p), nil
}

func (o *output) add(text []byte) {
	room := mostLine - len(o.line)
	if len(text) > room {
		text, o.long = text[:room], true
	}
	o.line = append(o.line, text...)
}

// end logs the line.
func (o *output) end() {
	text := message.Visible(string(bytes.TrimRight(o.line, "\r")))
	if o.long {
		text += "…"
	}
	o.line, o.long = o.line[:0], false
	if text == "" {
		return
	}
	o.last = text
	switch o.lines++; {
	case o.lines <= mostLines:
		o.log.Info().Uint64("number", o.number).Str("said", text).Msg("hook")
	case o.lines == mostLines+1:
		o.log.Warn().Uint64("number", o.number).Msg("the hook says more than is logged")
	}
}
