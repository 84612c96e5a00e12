package outbox

import (
	"github.com/rs/zerolog"

	"sealpost/shared/message"
)

// notices remembers what was said of things in DIR that are not sent, so that
// each is said once. It is the loop's alone.
type notices struct {
	named map[string]bool // said of, and still there
	count int             // ignored at the last look
	said  bool
}

// odd names what is not a regular file, or cannot be reached, each once for as long as it lies there.
func (n *notices) odd(log zerolog.Logger, found map[string]string) {
	for name := range n.named {
		if _, there := found[name]; !there {
			delete(n.named, name)
		}
	}
	for name, is := range found {
		if n.named[name] {
			continue
		}
		if n.named == nil {
			n.named = make(map[string]bool)
		}
		n.named[name] = true
		log.Warn().Str("name", message.Visible(name)).Str("is", is).
			Msg("not sent: only regular files are messages")
	}
}

// ignored counts the files whose names are on the list of those to leave alone.
func (n *notices) ignored(log zerolog.Logger, count int) {
	n.count = count
	if count > 0 && !n.said {
		n.said = true
		log.Info().Int("files", count).Msg("files left alone, as their names say that they are being written")
	}
}
