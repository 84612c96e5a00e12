package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"sealpost/shared/durable"
)

// secretMode is for the owner alone.
const secretMode = 0o600

// fileError means that the file for a secret cannot be written.
type fileError struct{ Cause error }

func (e *fileError) Error() string { return "the token's file: " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *fileError) Unwrap() error { return e.Cause }

// secretFile is a new file that nobody but its owner has read, from the moment
// it is there.
type secretFile struct{ *os.File }

// newSecretFile makes a file where nothing is, not even a link: it never writes
// into what somebody else may have open. The error is *fileError.
func newSecretFile(path string) (secretFile, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, secretMode)
	if err != nil {
		return secretFile{}, &fileError{err}
	}
	if err := f.Chmod(secretMode); err != nil { // an umask may have taken our own rights
		file := secretFile{f}
		return file, errors.Join(&fileError{err}, file.discard())
	}
	return secretFile{f}, nil
}

// keep writes the file and makes it durable. The error is *fileError.
func (f secretFile) keep(text string) error {
	_, err := f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = durable.SyncDir(filepath.Dir(f.Name()))
	}
	if err != nil {
		return &fileError{err}
	}
	return nil
}

// discard takes the file away.
func (f secretFile) discard() error {
	_ = f.Close() // it may be closed
	if err := os.Remove(f.Name()); err != nil {
		return fmt.Errorf("it stays behind: %w", err)
	}
	return nil
}
