// Package logging makes the programs' loggers: zerolog, with one line per
// event, for people on a terminal and as JSON everywhere else.
//
// Guaranteed: an event is one write, also when many goroutines log at once.
// Times are UTC with milliseconds. Not guaranteed: that a foreign text in a
// field is safe to show; message.Visible makes it so.
package logging

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
)

// Formats of log lines.
const (
	FormatAuto    = "auto" // console on a terminal, JSON elsewhere
	FormatConsole = "console"
	FormatJSON    = "json"
)

const (
	jsonTime    = "2006-01-02T15:04:05.000Z07:00" // RFC 3339
	consoleTime = "15:04:05"
)

// levels are the ones that an operator can ask for.
var levels = map[string]zerolog.Level{
	"debug": zerolog.DebugLevel,
	"info":  zerolog.InfoLevel,
	"warn":  zerolog.WarnLevel,
	"error": zerolog.ErrorLevel,
}

// Settings are the two settings that every program has; a program's own
// settings embed them.
type Settings struct {
	LogLevel  string `default:"info" oneof:"debug,info,warn,error"`
	LogFormat string `default:"auto" oneof:"auto,console,json"`
}

// ValueError means that a level or a format is not one of the known words.
type ValueError struct {
	What  string // "level" or "format"
	Value string
}

func (e *ValueError) Error() string { return fmt.Sprintf("unknown log %s %q", e.What, e.Value) }

// New makes a logger that writes to w: level debug, info, warn or error,
// format auto, console or json. The error is *ValueError.
func New(w io.Writer, level, format string) (zerolog.Logger, error) {
	threshold, ok := levels[level]
	if !ok {
		return zerolog.Nop(), &ValueError{What: "level", Value: level}
	}
	terminal := isTerminal(w)
	out := zerolog.SyncWriter(w)
	switch {
	case format == FormatConsole, format == FormatAuto && terminal:
		out = zerolog.ConsoleWriter{
			Out:          out,
			NoColor:      !terminal || os.Getenv("NO_COLOR") != "",
			TimeFormat:   consoleTime,
			TimeLocation: time.UTC,
		}
	case format == FormatJSON, format == FormatAuto:
	default:
		return zerolog.Nop(), &ValueError{What: "format", Value: format}
	}
	return zerolog.New(out).Level(threshold).Hook(stamp{}), nil
}

// stamp writes the time by itself, because zerolog keeps its time format in a
// variable that the whole process shares.
type stamp struct{}

func (stamp) Run(event *zerolog.Event, _ zerolog.Level, _ string) {
	event.Str(zerolog.TimestampFieldName, time.Now().UTC().Format(jsonTime))
}

// isTerminal reports whether w is a terminal, or says that it leads to one.
func isTerminal(w io.Writer) bool {
	if t, ok := w.(interface{ IsTerminal() bool }); ok {
		return t.IsTerminal()
	}
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
