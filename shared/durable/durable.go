// Package durable holds the few small file operations that must survive a
// power cut: replacing a file, renaming, making directories, and locks between
// processes.
//
// Guaranteed: when a function that changes something returns nil, the change
// is on stable storage as far as fsync can say, the file's bytes before its
// name. A file written by WriteFile is seen whole or not at all, whatever
// happens in between, and no temporary file stays behind unless the process
// dies.
//
// Not guaranteed: anything about a file whose call failed, except that the old
// content, if there was one, or the new content is there in whole. A failed
// fsync is never repeated on the same file: the kernel may have dropped the
// pages, and a second fsync would report success.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// tempPattern starts with a dot: neither an outbox nor an FTP listing shows it.
const tempPattern = ".tmp-*"

// WriteFile puts data at path, replacing what is there. The file gets exactly
// mode, whatever the umask. Order: temporary file in the same directory,
// write, fsync, close, rename, fsync of the directory.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	return WriteFileOwner(path, data, mode, KeepOwner, KeepOwner)
}

// WriteFileOwner is WriteFile for a file that belongs to uid:gid from the
// moment it has its name; KeepOwner leaves either as the process makes it.
func WriteFileOwner(path string, data []byte, mode fs.FileMode, uid, gid int) error {
	return writeFile(system, path, data, mode, uid, gid)
}

// Rename renames old to new, replacing new, then makes both directories
// durable. The bytes of the file are the caller's to sync beforehand.
func Rename(oldPath, newPath string) error {
	return rename(system, oldPath, newPath)
}

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error { return system.syncDir(dir) }

// MkdirAll makes a directory and the missing ones above it, each with exactly
// mode, whatever the umask, and each durable in its parent. Directories that
// exist are left as they are; something else in the way is an error.
func MkdirAll(path string, mode fs.FileMode) error {
	return mkdirAll(system, filepath.Clean(path), mode)
}

func writeFile(ops operations, path string, data []byte, mode fs.FileMode, uid, gid int) (err error) {
	dir := filepath.Dir(path)
	temp, err := ops.createTemp(dir, tempPattern)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, cause(err))
	}
	renamed := false
	defer func() {
		if err == nil {
			return
		}
		err = fmt.Errorf("write %s: %w", path, cause(err))
		_ = temp.Close() // may be closed already; the first error is the one to report
		if !renamed {
			_ = os.Remove(temp.Name())
		}
	}()
	if err = fill(temp, data, mode, uid, gid); err != nil {
		return err
	}
	if err = temp.Close(); err != nil {
		return err
	}
	if err = ops.rename(temp.Name(), path); err != nil {
		return err
	}
	renamed = true
	return ops.syncDir(dir)
}

// cause leaves the temporary file's name out of an error: it is another one each
// time, and whoever says an error once, as long as it stays the same, compares
// texts.
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

func fill(temp file, data []byte, mode fs.FileMode, uid, gid int) error {
	if _, err := temp.Write(data); err != nil {
		return err
	}
	if uid != KeepOwner || gid != KeepOwner {
		if err := temp.Chown(uid, gid); err != nil {
			return err
		}
	}
	// After the change of owner, which may clear bits of the mode.
	if err := temp.Chmod(mode); err != nil {
		return err
	}
	return temp.Sync()
}

func rename(ops operations, oldPath, newPath string) error {
	if err := ops.rename(oldPath, newPath); err != nil {
		return err
	}
	// The new name first: between the two a power cut may leave both names,
	// but never none.
	newDir, oldDir := filepath.Dir(newPath), filepath.Dir(oldPath)
	if err := ops.syncDir(newDir); err != nil {
		return err
	}
	if oldDir == newDir {
		return nil
	}
	return ops.syncDir(oldDir)
}

func mkdirAll(ops operations, path string, mode fs.FileMode) error {
	info, err := os.Stat(path)
	if err == nil {
		if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: path, Err: errNotDir}
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(path)
	if err := mkdirAll(ops, parent, mode); err != nil {
		return err
	}
	err = ops.mkdir(path, mode)
	switch {
	case errors.Is(err, fs.ErrExist):
		// Another process made it a moment ago; it may not have synced it yet.
	case err != nil:
		return err
	default:
		if err := os.Chmod(path, mode); err != nil {
			return err
		}
	}
	return ops.syncDir(parent)
}
