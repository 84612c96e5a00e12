package box

import "io/fs"

// DirError means that the outbox, or one of its own directories, is not such
// that a message could be brought to its end there. It is found before a message
// is offered, so that none is delivered whose receipt has no place.
type DirError struct {
	Path, Rule string
	Cause      error // may be nil
}

func (e *DirError) Error() string {
	if e.Cause != nil {
		return e.Path + ": " + e.Rule + ": " + e.Cause.Error()
	}
	return e.Path + ": " + e.Rule
}

func (e *DirError) Unwrap() error { return e.Cause }

// Kind says what a file is, for people.
func Kind(mode fs.FileMode) string {
	switch mode.Type() {
	case 0:
		return "a regular file"
	case fs.ModeDir:
		return "a directory"
	case fs.ModeSymlink:
		return "a symbolic link"
	case fs.ModeNamedPipe:
		return "a named pipe"
	case fs.ModeSocket:
		return "a socket"
	}
	return "a device"
}
