package collector

import (
	"errors"
	"slices"
	"strings"

	"sealpost/shared/message"
)

// errDir is the rule for directories on the FTP server.
var errDir = errors.New("must be a directory such as sealpost/logs, " +
	"without .. and control characters, at most 1024 bytes")

// CheckDir returns an error unless dir can be named to an FTP server: a line end
// in it would begin another command.
func CheckDir(dir string) error {
	parts := strings.FieldsFunc(dir, func(r rune) bool { return r == '/' || r == '\\' })
	if len(dir) > 1024 || dir != message.Visible(dir) || slices.Contains(parts, "..") {
		return errDir
	}
	return nil
}

// dirError marks the server's refusal to enter the directory.
type dirError struct{ cause error }

func (e *dirError) Error() string { return e.cause.Error() }
func (e *dirError) Unwrap() error { return e.cause }
