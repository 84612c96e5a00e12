package cli

import (
	"github.com/rs/zerolog"

	"sealpost/services/server/daemon"
	"sealpost/shared/logging"
	"sealpost/shared/logging/trail"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

// record begins a line of the audit trail, on Err. It has the form of the server's
// lines, and is there at every level: who gives a command is to see what it did. A
// format that is none is the running server's trouble.
func record(std voice.Streams, step trail.Step) *zerolog.Event {
	var config logging.Settings
	if _, err := settings.Load(daemon.Prefix, &config); err != nil {
		config.LogFormat = logging.FormatAuto
	}
	log, err := logging.New(std.Err, zerolog.LevelInfoValue, config.LogFormat)
	if err != nil {
		return nil // as zerolog takes it; no setting gets here
	}
	return trail.Mark(log.Info(), step, trail.ByUser())
}
