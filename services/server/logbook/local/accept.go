package local

import (
	"errors"
	"io/fs"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/merkle"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

// Accept gives the logbook on the volume dir a new id: an operator's word that
// volumes which do not fit each other are to be used together. Log files,
// manifest and numbers stay as they are. The caller holds the volume's lock, and
// puts the same id and the returned checkpoint into the state volume. Cut short,
// it is to be called again, with the same id.
func Accept(dir, id string, notary engine.Notary, lock *durable.FileLock) (
	messages uint64, checkpoint []byte, err error) {
	if err := rename(dir, id); err != nil {
		return 0, nil, err
	}
	book, err := Open(Config{Dir: dir, ID: id, Notary: notary, Log: zerolog.Nop(), Lock: lock})
	if err != nil {
		return 0, nil, err
	}
	return book.Len(), book.Checkpoint(), book.Close()
}

// rename writes the id, after making records for a manifest that has none, and
// then takes away what speaks for the old one: until the new id is there the
// volume does not fit any better than before.
func rename(dir, id string) error {
	vol := disk.New(dir)
	_, _, found, err := wal.Read(vol)
	if err != nil {
		return err
	}
	if !found {
		if err := adopt(vol); err != nil {
			return err
		}
	}
	if err := fit.WriteID(vol, id); err != nil {
		return err
	}
	for _, name := range []string{engine.CheckpointPath, merkle.Path} {
		if err := vol.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return putAside(vol)
}

// retiredAside is where the note of retired messages of the logbook before goes: what it
// says of that one stays true, and the new one has said nothing yet.
const retiredAside = disk.StagingDir + "/retired.old"

func putAside(vol *disk.Volume) error {
	if free, err := vol.IsFree(fit.RetiredPath); free || err != nil {
		return err
	}
	return vol.Replace(fit.RetiredPath, retiredAside)
}

// adopt starts records for a manifest that came without any.
func adopt(vol *disk.Volume) error {
	m, err := manifest.Open(vol)
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()
	pass := func(manifest.Place, logfile.Entry, []byte) error { return nil }
	if _, err := m.Scan(manifest.Position{}, manifest.AllFlushed, pass); err != nil {
		return err
	}
	if err := m.Flush(); err != nil {
		return err
	}
	r, err := wal.Start(vol, m.Count(), 0)
	if err != nil {
		return err
	}
	return r.Close()
}
