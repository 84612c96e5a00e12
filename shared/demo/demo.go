// Package demo holds the six messages of the demonstration run. Between them
// they touch what is easily got wrong: no bytes at all, a whole number of
// cipher blocks, text in many scripts, more than 2 KB, CR LF, and lines that
// look like those of a log file.
//
// Guaranteed: the bytes are those of the files in messages/, which version
// control never converts.
package demo

import (
	"embed"
	"io/fs"
)

//go:embed messages/*.txt
var files embed.FS

// Message is one message of the demonstration.
type Message struct {
	Name string // a plain file name
	Body []byte
}

// Messages returns the six messages in the order of their names. The bytes
// are the caller's own.
func Messages() ([]Message, error) {
	entries, err := fs.ReadDir(files, "messages")
	if err != nil {
		return nil, err
	}
	var messages []Message
	for _, entry := range entries {
		body, err := files.ReadFile("messages/" + entry.Name())
		if err != nil {
			return nil, err
		}
		messages = append(messages, Message{Name: entry.Name(), Body: body})
	}
	return messages, nil
}
