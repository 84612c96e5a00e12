// Package extract takes the message out of a log file, byte for byte as its sender
// gave it, wherever the log file lies.
//
// A log file has no digest of its own message. Where the manifest lies beside it,
// or beside its shard directory, as in a driver's output directory, the message must have the size and SHA-256 of
// its line there, and nothing comes out of one that has not; elsewhere the form of
// the log file alone is checked.
package extract

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"sealpost/shared/bounded"
	"sealpost/shared/digest"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

// ErrDigest means that the message is not the one of the manifest line.
var ErrDigest = errors.New("its message is not the one that the manifest beside it names")

// Error says why no message came out of a log file.
type Error struct {
	Path  string
	Cause error
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Path, e.Cause) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Message writes the message of a log file to w, where it was checked before its
// first byte. Checked reports whether there was a manifest line to check it against.
// The error is an *Error, or one of w.
func Message(path string, w io.Writer) (checked bool, err error) {
	f, err := bounded.OpenRegular(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	parsed, err := logfile.Parse(f, info.Size())
	if err == nil {
		checked, err = check(path, parsed)
	}
	if err != nil {
		return false, &Error{path, err}
	}
	_, err = io.Copy(w, parsed.Plain())
	return checked, err
}

// ToFile writes the message into a new file, which has its name only when it is
// whole and durable. What is there already is an error: fs.ErrExist.
func ToFile(path, target string) (checked bool, err error) {
	dir, err := durable.OpenDir(filepath.Dir(target))
	if err != nil {
		return false, err
	}
	defer dir.Close()
	name, temp := filepath.Base(target), durable.TempName()
	if _, err := dir.Lstat(name); err == nil { // Show decides; this saves the copy
		return false, &fs.PathError{Op: "create", Path: target, Err: fs.ErrExist}
	}
	f, err := dir.Open(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return false, err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = dir.Remove(temp) // the first error is the one to report
		}
	}()
	if checked, err = Message(path, f); err != nil {
		return false, err
	}
	if err := f.Sync(); err != nil {
		return false, err
	}
	if _, err := dir.Show(f, temp, name); err != nil {
		return false, err
	}
	return checked, dir.Sync()
}

// check compares the message with its manifest line, where there is one.
func check(path string, parsed *logfile.File) (bool, error) {
	entry, found, err := line(path)
	if err != nil || !found {
		return false, err
	}
	size, sum, err := digest.Of(parsed.Plain())
	if err == nil && (size != entry.Size || sum != entry.SHA256) {
		err = ErrDigest
	}
	return true, err
}

// manifestDir is where the manifest lies that names a log file, which may be in a shard
// directory.
func manifestDir(path string) (string, error) {
	path, err := filepath.Abs(path)
	dir := filepath.Dir(path)
	if _, ok := logfile.ParsePath(filepath.Base(dir) + "/" + filepath.Base(path)); ok {
		dir = filepath.Dir(dir)
	}
	return dir, err
}

// line finds the log file's line in the manifest beside it.
func line(path string) (e logfile.Entry, found bool, err error) {
	number, ours := logfile.ParseFileName(filepath.Base(path))
	dir, err := manifestDir(path)
	if err != nil {
		return e, false, err
	}
	manifest, err := bounded.OpenRegular(filepath.Join(dir, logfile.ManifestName))
	if !ours || errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			_ = manifest.Close()
		}
		return e, false, nil
	}
	if err != nil {
		return e, false, err
	}
	defer manifest.Close()
	lines := bufio.NewScanner(manifest)
	lines.Buffer(nil, logfile.MaxLine+1)
	for n := uint64(0); lines.Scan(); n++ {
		if n == number {
			e, err = logfile.ParseLine(lines.Bytes())
			return e, true, err
		}
	}
	return e, false, lines.Err()
}
