package setup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"sealpost/shared/bounded"
	"sealpost/shared/durable"
)

// volumes are the directories, each opened once: the set-up is root, and others can
// write to some of them. All that follows goes by the open directory, and by one
// name in it.
type volumes struct {
	data, state, client, driver, ftp, outbox, received *durable.Dir
}

// directories makes those that are missing, sets their modes and owners, and opens
// them.
func (r *run) directories() error {
	for _, v := range []struct {
		dir   **durable.Dir
		path  string
		mode  fs.FileMode
		owner Owner
	}{
		{&r.vol.data, r.DataDir, 0o755, r.Owner},
		{&r.vol.state, r.StateDir, 0o700, r.Owner},
		{&r.vol.client, r.ClientSecretsDir, 0o700, r.Owner},
		{&r.vol.driver, r.DriverSecretsDir, 0o700, r.Owner},
		{&r.vol.ftp, r.FTPSecretsDir, 0o700, r.rootOwner()},
		{&r.vol.outbox, r.OutboxDir, 0o700, r.Owner},
		{&r.vol.received, r.ReceivedDir, 0o755, r.Owner},
	} {
		var err error
		if *v.dir, err = r.volume(v.path, v.mode, v.owner); err != nil {
			return err
		}
	}
	if err := r.logVolume(r.vol.data); err != nil {
		return err
	}
	// Docker gives a volume that is still empty the owner that the last image
	// mounting it asks for; one with a file in it keeps its own.
	return put(r.vol.received, ".keep", nil, 0o644, r.Owner)
}

// volume makes a directory where it is missing, sets its mode and owner, and opens it,
// until close.
func (r *run) volume(path string, mode fs.FileMode, owner Owner) (*durable.Dir, error) {
	d, err := openVolume(path, mode)
	if err != nil {
		return nil, err
	}
	r.opened = append(r.opened, d)
	return d, own(d, mode, owner)
}

func (r *run) close() {
	for _, d := range r.opened {
		_ = d.Close() // what was written is durable
	}
}

// openVolume opens a directory, made where it is missing. The path is the
// operator's word, but its last name must not be a link.
func openVolume(path string, mode fs.FileMode) (*durable.Dir, error) {
	if err := durable.MkdirAll(path, mode); err != nil {
		return nil, err
	}
	path = filepath.Clean(path)
	above, err := durable.OpenDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer above.Close()
	return above.Sub(filepath.Base(path))
}

// logVolume makes the directories of a log volume.
func (r *run) logVolume(data *durable.Dir) error {
	if err := r.below(data, "logs", 0o755); err != nil {
		return err
	}
	return r.below(data, "staging", 0o700)
}

// below makes a directory in a log volume.
func (r *run) below(data *durable.Dir, name string, mode fs.FileMode) error {
	d, err := data.Sub(name)
	if errors.Is(err, fs.ErrNotExist) {
		d, err = data.Mkdir(name, mode, durable.Keep)
		if err == nil {
			err = data.Sync()
		}
	}
	if err != nil {
		return err
	}
	defer d.Close()
	return own(d, mode, r.Owner)
}

// own sets an open directory's owner and mode.
func own(d *durable.Dir, mode fs.FileMode, owner Owner) error {
	return errors.Join(d.Chown(owner.heir()), d.Chmod(mode), d.Sync())
}

// put writes a file whole: temporary dot name, owner, fsync, rename.
func put(d *durable.Dir, name string, data []byte, mode fs.FileMode, owner Owner) error {
	return d.WriteFile(name, data, mode, owner.heir())
}

// errLinked means that a file has names that may lie anywhere.
var errLinked = errors.New("the file has other names too; take this one away")

// readIfThere reads a file that is to be written again for its owner: a regular one
// of one name, since another name may be that of a file which is not theirs to read.
// It is nil where there is none.
func readIfThere(d *durable.Dir, name string) ([]byte, error) {
	f, err := openPlain(d, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return bounded.ReadAll(f, maxFile)
}

// openPlain opens a regular file of one name.
func openPlain(d *durable.Dir, name string) (*os.File, error) {
	f, err := d.Open(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	info, err := durable.Stat(f)
	if err == nil && info.Links() != 1 {
		err = &fs.PathError{Op: "open", Path: f.Name(), Err: errLinked}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
