package local

import (
	"errors"

	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

// Accept gives the logbook on the volume dir a new id: an operator's word that
// volumes which do not fit each other are to be used together. Log files,
// manifest and numbers stay as they are. The caller puts the same id, and the
// returned number of entries, into the state volume. durable.ErrLocked means
// that a server is running on the volume.
func Accept(dir, id string) (entries uint64, err error) {
	cfg := Config{Dir: dir, ID: id}.withDefaults()
	vol := &volume{dir: dir, fault: cfg.Fault}
	if err := vol.prepare(); err != nil {
		return 0, err
	}
	lock, err := durable.TryLock(vol.staging("lock"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	head, recs, found, err := readRecords(vol)
	if err != nil {
		return 0, err
	}
	entries = head.Base + uint64(len(recs))
	if !found {
		if entries, err = adopt(vol); err != nil {
			return 0, err
		}
	}
	return entries, durable.WriteFile(vol.staging(idName), []byte(id+"\n"), 0o600)
}

// adopt starts records for a manifest that came without any.
func adopt(vol *volume) (uint64, error) {
	m, err := openManifest(vol, func(uint64, logfile.Entry) error { return nil })
	if err != nil {
		return 0, err
	}
	defer func() { _ = m.close() }()
	if err := m.flush(false); err != nil {
		return 0, err
	}
	r, err := startRecords(vol, m.count())
	if err != nil {
		return 0, err
	}
	return m.count(), r.close()
}
