package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
)

// tempPrefix starts with a dot: neither an outbox nor an FTP listing shows it.
// Digits follow.
const tempPrefix = ".tmp-"

// IsTemp reports whether a name is one that WriteFile gives to a temporary file:
// one that a process left behind when it died.
func IsTemp(name string) bool {
	digits, ok := strings.CutPrefix(name, tempPrefix)
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// TempName returns another name each time that IsTemp knows, for a file that is to
// be made.
func TempName() string {
	return tempPrefix + strconv.FormatUint(uint64(rand.Uint32()), 10)
}

// WriteFile puts data under a name, replacing what has it: a link there is not
// followed. The file gets exactly mode, whatever the umask, and that owner before
// it has its name. Order: temporary file of an exclusive name in the directory,
// write, fsync, close, rename, fsync of the directory.
func (d *Dir) WriteFile(name string, data []byte, mode fs.FileMode, owner Owner) error {
	return d.writeFileBy(name, data, mode, owner, d.RenameOnly)
}

// WriteNew is WriteFile where nothing is replaced: fs.ErrExist.
func (d *Dir) WriteNew(name string, data []byte, mode fs.FileMode, owner Owner) error {
	return d.writeFileBy(name, data, mode, owner, d.MoveNew)
}

func (d *Dir) writeFileBy(name string, data []byte, mode fs.FileMode, owner Owner,
	rename func(temp string, to *Dir, name string) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", d.in(name), cause(err))
		}
	}()
	if err := checkName(name); err != nil {
		return err
	}
	temp, f, err := d.createTemp()
	if err != nil {
		return err
	}
	if err = fill(f, data, mode, owner); err == nil {
		err = rename(temp, d, name)
	}
	if err != nil {
		_ = d.Remove(temp)
		return err
	}
	return d.Sync()
}

// createTemp makes a file of a name that nothing has.
func (d *Dir) createTemp() (name string, f file, err error) {
	for {
		name = TempName()
		f, err = d.ops.create(d, name)
		if !errors.Is(err, fs.ErrExist) {
			return name, f, err
		}
	}
}

// fill writes and closes a temporary file.
func fill(temp file, data []byte, mode fs.FileMode, owner Owner) (err error) {
	closed := false
	defer func() {
		if !closed {
			_ = temp.Close() // the first error is the one to report
		}
	}()
	if _, err := temp.Write(data); err != nil {
		return err
	}
	if err := owner.Give(temp); err != nil {
		return err
	}
	// After the change of owner, which may clear bits of the mode.
	if err := temp.Chmod(mode); err != nil {
		return err
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	closed = true
	return temp.Close()
}

// cause leaves the temporary file's name out of an error. The name is random, and
// callers that report an error only when it changes compare texts.
func cause(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}
