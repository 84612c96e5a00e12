package admin

import (
	stdlog "log"
	"strings"

	"github.com/rs/zerolog"

	"sealpost/shared/logging/floods"
	"sealpost/shared/message"
)

// errorLog is where the admin endpoint's HTTP server complains: in the log, and
// not as often as it likes.
func errorLog(log zerolog.Logger, sums *floods.Sums) *stdlog.Logger {
	return stdlog.New(complaints{log, sums}, "", 0)
}

type complaints struct {
	log  zerolog.Logger
	sums *floods.Sums
}

// Write takes one complaint.
func (c complaints) Write(p []byte) (int, error) {
	const what = "the admin endpoint has an error"
	if c.sums.Pass(floods.Event{Level: zerolog.WarnLevel, What: what}) {
		c.log.Warn().Str("error", message.Visible(strings.TrimSpace(string(p)))).Msg(what)
	}
	return len(p), nil
}
