package copying

import "fmt"

// FileError means that a log file cannot be copied as its manifest line says.
type FileError struct {
	Number uint64
	File   string // below logs/
	Cause  error
}

func (e *FileError) Error() string {
	return fmt.Sprintf("message %d: %s: %v", e.Number, e.File, e.Cause)
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Cause }

// NotInPlaceError means that the state volume knows of messages whose files or lines
// are not in their places yet: a power cut that no start has recovered.
type NotInPlaceError struct{ Known, InPlace uint64 }

func (e *NotInPlaceError) Error() string {
	return fmt.Sprintf("the state volume knows of %d messages, and %d are in their places", e.Known, e.InPlace)
}

// Fix returns what can be done about it.
func (e *NotInPlaceError) Fix() string {
	return "start the server on the volumes, which puts the others in their places; then copy again"
}
