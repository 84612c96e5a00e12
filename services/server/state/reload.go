package state

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"sealpost/shared/bounded"
	"sealpost/shared/durable"
)

// watched is what a file holds. It is read again when the file has changed.
type watched[T any] struct {
	what     string // for errors
	path     string
	most     int64 // bytes
	damaged  error // what a file with more is
	parse    func(text []byte) (T, error)
	optional bool // no file is the zero T

	mu      sync.Mutex
	value   T      // never changed in place: readers hold it without the lock
	version uint64 // counts the values
	// held is the version that was read, kept open so that its inode number
	// cannot go to a later version: two replacements within one tick of the
	// file system's clock could else look like none.
	held *os.File
	was  durable.Info // of held, when it was read
}

// watch says which file it is, and how it is read.
func (w *watched[T]) watch(what, path string, most int64, damaged error, parse func([]byte) (T, error)) {
	w.what, w.path, w.most, w.damaged, w.parse = what, path, most, damaged, parse
}

// current returns what is in force: what the file holds, or the last that
// could be read.
func (w *watched[T]) current() T {
	_ = w.refresh() // Check reports it
	value, _ := w.snapshot()
	return value
}

func (w *watched[T]) snapshot() (value T, version uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.value, w.version
}

// refresh reads the file if it is not the version that was read last.
func (w *watched[T]) refresh() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	info, err := lookAt(w.path)
	if err == nil && w.unchanged(info) {
		return nil
	}
	f, err := openFile(w.path) // it may have gone since
	if w.optional && errors.Is(err, fs.ErrNotExist) {
		w.gone()
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", w.what, err)
	}
	if err := w.read(f); err != nil {
		_ = f.Close()
		return fmt.Errorf("%s: %w", w.what, err)
	}
	return nil
}

// lookAt tells of a file, or of a link itself, what a directory that is open for
// it says.
func lookAt(path string) (durable.Info, error) {
	d, err := durable.OpenDir(filepath.Dir(path))
	if err != nil {
		return durable.Info{}, err
	}
	defer d.Close()
	return d.Lstat(filepath.Base(path))
}

// openFile opens a regular file itself, and no link.
func openFile(path string) (*os.File, error) {
	d, err := durable.OpenDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Open(filepath.Base(path), os.O_RDONLY, 0)
}

// unchanged also compares size and time, for a file that was edited in place.
func (w *watched[T]) unchanged(info durable.Info) bool {
	return w.held != nil && info.Size() == w.was.Size() && info.ModTime().Equal(w.was.ModTime()) && info.Same(w.was)
}

func (w *watched[T]) read(f *os.File) error {
	// Who wrote it may have been stopped before its flush, or be about to. What
	// is put to use shows elsewhere, in signatures on the log volume and in
	// receipts, and must not be gone after a power cut.
	if err := errors.Join(f.Sync(), durable.SyncDir(filepath.Dir(w.path))); err != nil {
		return err
	}
	// Size and time before the bytes: a change in between shows next time.
	info, err := durable.Stat(f)
	if err != nil {
		return err
	}
	text, err := bounded.ReadAll(f, w.most)
	if errors.Is(err, bounded.ErrTooLong) {
		err = fmt.Errorf("%w: more than %d bytes", w.damaged, w.most)
	}
	if err != nil {
		return err
	}
	value, err := w.parse(text)
	if err != nil {
		return err
	}
	if w.held != nil {
		_ = w.held.Close()
	}
	w.held, w.was, w.value = f, info, value
	w.version++
	return nil
}

// gone forgets an optional file that was taken away.
func (w *watched[T]) gone() {
	if w.held == nil {
		return
	}
	_ = w.held.Close()
	var none T
	w.held, w.was, w.value = nil, durable.Info{}, none
	w.version++
}

func (w *watched[T]) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held == nil {
		return nil
	}
	err := w.held.Close()
	w.held = nil
	return err
}

// parseLines reads each line with parse, but for empty ones: people edit these
// files. The error of a bad line is damaged; it does not show the line, which may
// hold a key.
func parseLines[T any](text []byte, damaged error, parse func(line []byte) (T, error)) ([]T, error) {
	var list []T
	for i, line := range bytes.Split(text, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		parsed, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d", damaged, i+1)
		}
		list = append(list, parsed)
	}
	return list, nil
}
