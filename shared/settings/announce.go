package settings

import "github.com/rs/zerolog"

// Announce logs the warnings of [Load] and, in one line of that level, the
// settings that the struct config points to holds. Where shown has a text for a
// variable, that stands in the place of its value.
func Announce(log zerolog.Logger, level zerolog.Level, prefix string, config any, warnings []string,
	shown map[string]string) {
	for _, warning := range warnings {
		log.Warn().Msg(warning)
	}
	line := log.WithLevel(level)
	for _, setting := range Effective(prefix, config) {
		if text, ok := shown[setting.Name]; ok {
			setting.Value = text
		}
		line = line.Str(setting.Name, setting.Value)
	}
	line.Msg("settings")
}
