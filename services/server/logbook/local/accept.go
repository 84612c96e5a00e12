package local

import (
	"errors"
	"io/fs"

	"github.com/rs/zerolog"

	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

// Accept gives the logbook on the volume dir a new id: an operator's word that
// volumes which do not fit each other are to be used together. Log files,
// manifest and numbers stay as they are. The caller puts the same id, and the
// returned checkpoint, into the state volume. durable.ErrLocked means
// that a server is running on the volume.
func Accept(dir, id string, notary Notary) (messages uint64, checkpoint []byte, err error) {
	if err := rename(dir, id); err != nil {
		return 0, nil, err
	}
	book, err := Open(Config{Dir: dir, ID: id, Notary: notary, Log: zerolog.Nop()})
	if err != nil {
		return 0, nil, err
	}
	return book.Len(), book.Checkpoint(), book.Close()
}

// rename writes the id, after making records for a manifest that has none, and
// takes away what speaks for the old one.
func rename(dir, id string) (err error) {
	vol := &volume{dir: dir, step: noFault}
	if err := vol.prepare(); err != nil {
		return err
	}
	lock, err := durable.TryLock(vol.staging("lock"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	_, _, found, err := readRecords(vol)
	if err != nil {
		return err
	}
	if !found {
		if err := adopt(vol); err != nil {
			return err
		}
	}
	for _, name := range []string{checkpointPath, treePath} {
		if err := vol.remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return vol.writeID(id)
}

// adopt starts records for a manifest that came without any.
func adopt(vol *volume) error {
	m, err := openManifest(vol)
	if err != nil {
		return err
	}
	defer func() { _ = m.close() }()
	if _, err := m.scan(position{}, allFlushed, func(place, logfile.Entry, []byte) error { return nil }); err != nil {
		return err
	}
	if err := m.flush(false); err != nil {
		return err
	}
	r, err := startRecords(vol, m.count(), 0)
	if err != nil {
		return err
	}
	return r.close()
}
