package engine

import (
	"errors"
	"io/fs"
	"sync/atomic"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

// shards are the shard directories that log files get their names in.
type shards struct {
	on      atomic.Bool     // new ones lie in such
	made    string          // the one made last, whose own name is durable
	touched map[string]bool // those in which names are not flushed yet
}

// path is where log file number seq goes, below logs/.
func (s *shards) path(seq uint64) string {
	if s.on.Load() {
		return logfile.ShardedPath(seq)
	}
	return logfile.FileName(seq)
}

// SetSharded says whether log files lie in shard directories from now on. No message may be
// under way.
func (e *Engine) SetSharded(on bool) { e.stores.shards.on.Store(on) }

// makeShard makes the shard directory of a log file where it has one. Its name is
// flushed at once: with a directory that a power cut took, a file that was renamed
// into it would be lost.
func (s *Stores) makeShard(file string) error {
	shard := logfile.Shard(file)
	if shard == "" || shard == s.shards.made {
		return nil
	}
	if err := s.Volume.MakeShard(disk.LogsDir + "/" + shard); err != nil {
		return asForeign(err, file)
	}
	if err := s.Volume.SyncDir(disk.LogsDir); err != nil {
		return err
	}
	s.shards.made = shard
	return nil
}

// IsFree reports whether nothing has the name of a log file: a *ForeignFileError
// where its shard directory is something else.
func (s *Stores) IsFree(file string) (bool, error) {
	free, err := s.Volume.IsFree(disk.LogsDir + "/" + file)
	return free, asForeign(err, file)
}

// Publish gives a staged file the name of a log file, and makes the shard directory
// that this lies in. It replaces nothing: a *ForeignFileError where that directory
// is something else.
func (s *Stores) Publish(staged, file string) error {
	err := s.makeShard(file)
	if err == nil {
		s.Touch(file)
		err = s.Volume.Publish(staged, disk.LogsDir+"/"+file)
	}
	if err != nil {
		s.shards.made = "" // somebody may have removed it: the next try makes it again
	}
	return asForeign(err, file)
}

// Touch has the next flush of names cover the shard directory of a log file.
func (s *Stores) Touch(file string) {
	shard := logfile.Shard(file)
	if shard == "" {
		return
	}
	if s.shards.touched == nil {
		s.shards.touched = make(map[string]bool)
	}
	s.shards.touched[shard] = true
}

// flushShards flushes the names in shard directories. There are none in one that
// somebody removed.
func (s *Stores) flushShards() error {
	for shard := range s.shards.touched {
		err := s.Volume.SyncDir(disk.LogsDir + "/" + shard)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return asForeign(err, shard+"/")
		}
		delete(s.shards.touched, shard)
	}
	return nil
}

// asForeign is err, or a *ForeignFileError where it says that the shard directory of
// a log file is none.
func asForeign(err error, file string) error {
	if errors.Is(err, durable.ErrNotDirectory) {
		return &ForeignFileError{logfile.Shard(file)}
	}
	return err
}
