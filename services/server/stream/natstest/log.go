package natstest

import (
	"bytes"
	"os"
)

// shownOfLog is how many bytes of a log are shown.
const shownOfLog = 16 << 10

// logTail is the end of what the last process wrote.
func (n *Node) logTail() string {
	text, err := os.ReadFile(n.path("log"))
	if err != nil {
		return err.Error()
	}
	text = text[min(n.logged, int64(len(text))):]
	if len(text) > shownOfLog {
		text = text[len(text)-shownOfLog:]
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return string(text)
}
