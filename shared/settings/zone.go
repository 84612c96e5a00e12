package settings

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// zoneVariable is read by most programs, so it has no prefix.
const zoneVariable = "TZ"

// errZone says what TZ can be.
var errZone = errors.New("must be the name of a time zone, such as Europe/Berlin or UTC")

// Zone returns the time zone of TZ, which may begin with a colon (POSIX), or is
// the path of a file of a zone. Without TZ it is UTC: a container has no zone of
// its own, and the host's must not show through elsewhere. The error is *Error.
// A rule such as CET-1CEST is not understood.
func Zone() (*time.Location, error) {
	value := os.Getenv(zoneVariable)
	name := strings.TrimPrefix(value, ":")
	if name == "" {
		return time.UTC, nil
	}
	zone, err := loadZone(name)
	if err == nil {
		return zone, nil
	}
	rule := errZone.Error()
	if strings.ContainsAny(name, "0123456789,<") {
		rule += "; a rule, such as CET-1CEST, is not understood"
	}
	return nil, &Error{Problems: []Problem{{Name: zoneVariable, Value: value, Rule: rule}}}
}

func loadZone(name string) (*time.Location, error) {
	if filepath.IsAbs(name) {
		text, err := readSmall(name)
		if err != nil {
			return nil, err
		}
		return time.LoadLocationFromTZData(filepath.Base(name), []byte(text))
	}
	if name == "Local" { // it would be what TZ is, which is this
		return nil, errZone
	}
	return time.LoadLocation(name)
}
