package box

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"sealpost/shared/bounded"
	"sealpost/shared/durable"
	"sealpost/shared/message"
)

const (
	logbookName = ".logbook"
	logbookLock = ".logbook.lock" // in .sending

	maxLogbook = 1 << 10 // bytes: more than an id and its end of line take
)

// ErrLogbookID means that something is not the id of a logbook.
var ErrLogbookID = errors.New("not the id of a logbook")

// Logbook returns the id of the logbook that the outbox knows, "" where it knows
// none: ErrLogbookID where the file says nothing of use.
func (b *Box) Logbook() (string, error) {
	path := b.path(logbookName)
	text, err := b.Read(b.Root, logbookName, maxLogbook)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case errors.Is(err, ErrForeign):
		return "", &DirError{Path: path, Rule: otherOwner}
	case err != nil && !errors.Is(err, bounded.ErrTooLong):
		return "", err
	}
	// One that is too long holds no id.
	id := strings.TrimSuffix(string(text), "\n")
	if _, err := message.ParseID(id); err != nil {
		return "", fmt.Errorf("%s: %w", path, ErrLogbookID)
	}
	return id, nil
}

// LearnLogbook makes id the outbox's logbook where it knows none yet, and returns
// the one that it knows then.
func (b *Box) LearnLogbook(id string) (known string, err error) {
	if known, err = b.Logbook(); err != nil || known != "" {
		return known, err
	}
	err = b.inLogbookLock(func() (err error) {
		if known, err = b.Logbook(); err != nil || known != "" {
			return err // another client was faster
		}
		known = id
		return b.writeLogbook(id)
	})
	return known, err
}

// AcceptLogbook makes id the outbox's logbook, whatever it knew before: "" where
// that was nothing, or could not be read.
func (b *Box) AcceptLogbook(id string) (before string, err error) {
	err = b.inLogbookLock(func() (err error) {
		before, err = b.Logbook()
		if err != nil && !errors.Is(err, ErrLogbookID) || before == id {
			return err
		}
		return b.writeLogbook(id)
	})
	return before, err
}

// inLogbookLock calls change, one caller at a time.
func (b *Box) inLogbookLock(change func() error) error {
	if err := b.check(); err != nil {
		return err
	}
	if err := b.Ensure(Sending); err != nil {
		return err
	}
	lock, err := b.Lock(b.Place(Sending), logbookLock, (*durable.Dir).Lock)
	if err != nil {
		return err
	}
	defer lock.Close()
	return change()
}

func (b *Box) writeLogbook(id string) error {
	return b.Root.WriteFile(logbookName, []byte(id+"\n"), FileMode, b.Heir)
}
