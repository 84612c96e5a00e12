package collector

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

// shardMode is the mode of shard directories, whatever the umask.
const shardMode fs.FileMode = 0o755

// shards are the directories below an output directory in which log files lie whose
// manifest lines name one. Safe for concurrent use.
type shards struct {
	making  sync.Mutex
	mu      sync.Mutex
	touched map[string]bool // with names that are not flushed yet
}

// at calls do with the directory that a log file's path leads to, and with its name
// there: fs.ErrNotExist where its shard directory is not there, ErrForeign where
// that is a link, or somebody else's. The error is do's otherwise.
func (o *Output) at(file string, do func(in *Output, name string) error) error {
	if logfile.Shard(file) == "" {
		return do(o, file)
	}
	var failed error
	err := o.Within(file, func(dir *durable.Dir, name string) error {
		in := &Output{Dir: dir, heir: o.heir, uid: o.uid}
		if failed = in.own(); failed == nil {
			failed = do(in, name)
		}
		return nil
	})
	switch {
	case errors.Is(err, durable.ErrNotDirectory):
		return fmt.Errorf("%w: %w", ErrForeign, err)
	case err != nil:
		return local(err)
	}
	return failed
}

// own is ErrForeign for a shard directory of another user, who can take away or
// exchange all that is in it.
func (o *Output) own() error {
	info, err := o.Stat()
	if err == nil && !o.trusts(info) {
		err = fmt.Errorf("%w: the directory %s belongs to another user", ErrForeign, o.Path())
	}
	return err
}

// makeShard makes the shard directory of a log file, unless something is there. It
// gets its name, durably, once it has its mode and owner: later they are not touched,
// and no power cut leaves files in a directory of another name.
func (o *Output) makeShard(file string) error {
	shard := logfile.Shard(file)
	if shard == "" {
		return nil
	}
	o.shards.making.Lock() // an empty directory would be replaced
	defer o.shards.making.Unlock()
	if _, err := o.Lstat(shard); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	temp := durable.TempName()
	made, err := o.Mkdir(temp, shardMode, o.heir)
	if err != nil {
		return err
	}
	defer made.Close()
	if err := o.Rename(temp, o.Dir, shard); err != nil {
		_ = o.RemoveDir(temp) // the first error is the one to report
		return err
	}
	return nil
}

// touch has the next flush cover the name of a log file, which has it by now.
func (o *Output) touch(file string) {
	shard := logfile.Shard(file)
	if shard == "" {
		return
	}
	o.shards.mu.Lock()
	defer o.shards.mu.Unlock()
	if o.shards.touched == nil {
		o.shards.touched = make(map[string]bool)
	}
	o.shards.touched[shard] = true
}

// flushNames makes durable the names in the shard directories that were touched, and
// then those in the output directory. A shard directory may have been moved away.
func (o *Output) flushNames() error {
	o.shards.mu.Lock()
	defer o.shards.mu.Unlock()
	for shard := range o.shards.touched {
		err := o.syncShard(shard)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, durable.ErrNotDirectory) {
			return err
		}
		delete(o.shards.touched, shard)
	}
	return o.Sync()
}

func (o *Output) syncShard(name string) error {
	shard, err := o.Sub(name)
	if err != nil {
		return err
	}
	defer shard.Close()
	return shard.Sync()
}

// openLog opens a log file by its path.
func (o *Output) openLog(file string) (f *os.File, err error) {
	err = o.at(file, func(in *Output, name string) (err error) {
		f, err = in.Open(name, os.O_RDONLY, 0)
		return err
	})
	return f, err
}
