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

// WriteFile puts data at path, replacing what is there: [Dir.WriteFile].
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	return writeFileWith(&system, path, data, mode, Keep)
}

// Rename renames old to new, replacing new, then makes both directories
// durable. The bytes of the file are the caller's to sync beforehand.
func Rename(oldPath, newPath string) error {
	return renameWith(&system, oldPath, newPath)
}

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error {
	d, err := OpenDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// MkdirAll makes a directory and the missing ones above it, each with exactly
// mode, whatever the umask, and each durable in its parent. Directories that
// exist are left as they are; something else in the way is an error.
func MkdirAll(path string, mode fs.FileMode) error {
	return mkdirAllWith(&system, filepath.Clean(path), mode)
}

func writeFileWith(ops *operations, path string, data []byte, mode fs.FileMode, owner Owner) error {
	d, err := openDirWith(ops, filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("write %s: %w", path, cause(err))
	}
	defer d.Close()
	return d.WriteFile(filepath.Base(path), data, mode, owner)
}

func renameWith(ops *operations, oldPath, newPath string) error {
	from, err := openDirWith(ops, filepath.Dir(oldPath))
	if err != nil {
		return err
	}
	defer from.Close()
	to := from
	if dir := filepath.Dir(newPath); dir != filepath.Dir(oldPath) {
		if to, err = openDirWith(ops, dir); err != nil {
			return err
		}
		defer to.Close()
	}
	return from.Rename(filepath.Base(oldPath), to, filepath.Base(newPath))
}

func mkdirAllWith(ops *operations, path string, mode fs.FileMode) error {
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
	if err := mkdirAllWith(ops, filepath.Dir(path), mode); err != nil {
		return err
	}
	parent, err := openDirWith(ops, filepath.Dir(path))
	if err != nil {
		return err
	}
	defer parent.Close()
	made, err := parent.Mkdir(filepath.Base(path), mode, Keep)
	switch {
	case errors.Is(err, fs.ErrExist):
		// Another process made it a moment ago; it may not have synced it yet.
	case err != nil:
		return err
	default:
		_ = made.Close()
	}
	return parent.Sync()
}
