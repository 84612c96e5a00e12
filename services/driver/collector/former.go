package collector

import (
	"errors"
	"fmt"
	"io/fs"

	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

const (
	// formerPrefix stands before the id of a logbook in the name of the directory that
	// all of it lies in once another one was accepted.
	formerPrefix = "former-"
	// namesAtOnce is how many names are held in memory while files are moved.
	namesAtOnce = 1024
)

// former opens the directory for what is kept of a logbook: a new one, or that of a
// move that was cut short. One with a checkpoint is whole, and stays as it is.
func (o *Output) former(known string) (*durable.Dir, error) {
	for n := 1; ; n++ {
		name := formerPrefix + known
		if n > 1 {
			name = fmt.Sprintf("%s.%d", name, n)
		}
		made, err := o.Mkdir(name, shardMode, o.heir)
		if err == nil {
			return made, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if made, err = o.formerThere(name); made != nil || err != nil {
			return made, err
		}
	}
}

// formerThere opens the directory with that name, unless it is whole.
func (o *Output) formerThere(name string) (*durable.Dir, error) {
	there, err := o.Sub(name)
	if err != nil {
		return nil, foreign(err)
	}
	in := &Output{Dir: there, heir: o.heir, uid: o.uid}
	if err = in.own(); err == nil {
		_, err = there.Lstat(logfile.CheckpointName)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return there, nil
	}
	_ = there.Close() // nothing was written
	return nil, err
}

// moveManifest moves the kept manifest. Where that was done already a run that stopped
// may have made an empty one.
func (o *Output) moveManifest(to *durable.Dir) error {
	err := o.moveAll(to, logfile.ManifestName)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, statErr := o.Lstat(logfile.ManifestName)
	if statErr != nil || info.Size() > 0 || !info.Mode().IsRegular() {
		return errors.Join(err, statErr)
	}
	return errors.Join(o.Remove(logfile.ManifestName), o.Sync())
}

// moveAll moves files, those that are there, and makes it durable.
func (o *Output) moveAll(to *durable.Dir, names ...string) error {
	for _, name := range names {
		if err := o.moveOne(to, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return o.flushMoved(to)
}

// flushMoved makes it durable that names went to another directory: the new ones before
// the old ones go.
func (o *Output) flushMoved(to *durable.Dir) error {
	if err := to.Sync(); err != nil {
		return err
	}
	return o.Sync()
}

// moveOne moves what has a name. Where a file system cannot move without replacing, a
// file may have both names after a crash; then the one here goes.
func (o *Output) moveOne(to *durable.Dir, name string) error {
	err := o.MoveNew(name, to, name)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	here, hereErr := o.Lstat(name)
	there, thereErr := to.Lstat(name)
	if hereErr == nil && thereErr == nil && here.Same(there) {
		return o.Remove(name)
	}
	return err
}

// moveLogs moves log files and the directories of log files. A listing from which names
// go may pass over others, so it is done until nothing is left.
func (o *Output) moveLogs(to *durable.Dir) error {
	for {
		moved := 0
		for entries, err := range o.Entries(namesAtOnce) {
			if err != nil {
				return err
			}
			for _, e := range entries {
				if _, ours := logfile.ParseFileName(e.Name()); !ours && !logfile.IsShard(e.Name()) {
					continue
				}
				if err := o.moveOne(to, e.Name()); err != nil {
					return err
				}
				moved++
			}
		}
		if moved == 0 {
			return o.flushMoved(to)
		}
	}
}
