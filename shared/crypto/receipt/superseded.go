package receipt

import (
	"strings"
	"time"
)

const (
	supersededMark = ".superseded-"
	supersededTime = "20060102T150405Z" // no colons: not every file system has them
)

// SupersededName is the name under which a receipt's file stays once another
// receipt, at that time, has taken its place.
func SupersededName(file string, at time.Time) string {
	return file + supersededMark + at.UTC().Format(supersededTime)
}

// SupersededOf returns of which file a name is [SupersededName]'s: false where it is
// of none that ends in FileSuffix.
func SupersededOf(name string) (file string, ok bool) {
	at := strings.LastIndex(name, supersededMark)
	if at < 0 {
		return "", false
	}
	_, err := time.Parse(supersededTime, name[at+len(supersededMark):])
	return name[:at], err == nil && strings.HasSuffix(name[:at], FileSuffix)
}
