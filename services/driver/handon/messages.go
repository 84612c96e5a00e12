package handon

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sealpost/services/driver/collector"
	"sealpost/shared/digest"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

const (
	fileMode fs.FileMode = 0o644 // as that of log files
	mostName             = 255   // bytes of a name in a file system
	unnamed              = "message"
)

// FileName is the name of a message's own file: N-NAME. The name comes from outside:
// it has no control characters, as logfile.ParseLine says, and what would lead to
// another directory becomes "_".
func FileName(e logfile.Entry) string {
	name := strings.ReplaceAll(message.Visible(e.Name), "/", "_")
	if name == "" {
		name = unnamed
	}
	return message.Cut(strconv.FormatUint(e.Seq, 10)+"-"+name, mostName)
}

// putMessage has the message lie alone in dir, durably, and returns its path. What
// lies there under another content is an ErrTaken.
func putMessage(dir string, e logfile.Entry, body *io.SectionReader) (path string, err error) {
	if err := durable.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	d, err := durable.OpenDir(dir)
	if err != nil {
		return "", err
	}
	defer d.Close()
	name := FileName(e)
	there, err := hasMessage(d, name, e)
	if err == nil && !there {
		err = writeMessage(d, name, e, body)
	}
	if err == nil {
		err = d.Sync()
	}
	if err != nil {
		return "", err
	}
	return filepath.Abs(filepath.Join(dir, name))
}

// hasMessage reports whether the message lies there already, as after a crash.
func hasMessage(d *durable.Dir, name string, e logfile.Entry) (bool, error) {
	f, err := d.Open(name, os.O_RDONLY, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case errors.Is(err, durable.ErrNotRegular):
		return false, taken(name)
	case err != nil:
		return false, err
	}
	defer f.Close()
	if ours, err := trusted(d, f); err != nil || !ours {
		return false, errors.Join(err, taken(name))
	}
	size, sum, err := digest.Within(f, e.Size)
	switch {
	case err != nil:
		return false, err
	case size != e.Size || sum != e.SHA256:
		return false, taken(name)
	}
	return true, f.Sync()
}

// trusted reports whether a file is ours, or the directory owner's.
func trusted(d *durable.Dir, f *os.File) (bool, error) {
	dir, err := d.Stat()
	if err != nil {
		return false, err
	}
	owner, _ := dir.Owner()
	info, err := durable.Stat(f)
	return info.OursOr(owner), err
}

func taken(name string) error { return fmt.Errorf("%s: %w", message.Visible(name), ErrTaken) }

// writeMessage gives the message its name once it is whole.
func writeMessage(d *durable.Dir, name string, e logfile.Entry, body *io.SectionReader) error {
	part := "." + strconv.FormatUint(e.Seq, 10) + ".part"
	f, err := makeCopy(d, part, e, body)
	if err != nil {
		return err
	}
	defer f.Close()
	if err = f.Sync(); err == nil {
		_, err = d.Show(f, part, name)
	}
	if errors.Is(err, fs.ErrExist) {
		err = taken(name)
	}
	if err != nil {
		_ = d.Remove(part) // the first error is the one to report
	}
	return err
}

// makeCopy makes a file with the message, in the place of what an earlier run left.
func makeCopy(d *durable.Dir, name string, e logfile.Entry, body io.Reader) (*os.File, error) {
	owner, err := d.Heir()
	if err != nil {
		return nil, err
	}
	if err := d.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := d.Create(name, fileMode, owner)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	if _, err = io.Copy(io.MultiWriter(f, sum), body); err == nil && logfile.Digest(sum.Sum(nil)) != e.SHA256 {
		err = collector.ErrDigest // it was whole a moment ago
	}
	if err != nil {
		_ = f.Close()
		_ = d.Remove(name)
		return nil, err
	}
	return f, nil
}

// temporary makes a file with the message in the output directory, for a hook. It
// goes with remove, or where that does not come to be with the next one.
func temporary(out *collector.Output, e logfile.Entry, body io.Reader) (path string, remove func(), err error) {
	name := "." + strconv.FormatUint(e.Seq, 10) + ".message"
	f, err := makeCopy(out.Dir, name, e, body)
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = out.Remove(name) } // the next one clears the name
	if err = f.Close(); err == nil {
		path, err = filepath.Abs(filepath.Join(out.Path(), name))
	}
	if err != nil {
		remove()
		return "", nil, err
	}
	return path, remove, nil
}
