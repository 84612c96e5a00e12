package copying

import (
	"bufio"
	"os"
	"path"

	"golang.org/x/sync/errgroup"

	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/shared/durable"
)

// What waits for a flush at most. A server on the same disk flushes file by file
// while others have much that is not flushed: see durable.ForeignDirty.
const (
	mostFiles = 128
	mostBytes = 16 << 20

	parallelFlushes = 16 // files flushed at once, one by one
)

// Begin makes an empty log volume in dir, which must not be there. From the moment
// that dir is there the volume says that it is not finished.
func Begin(dir string) error {
	unfinished := dir + ".unfinished"
	vol := disk.New(unfinished)
	if err := vol.Prepare(); err != nil {
		return err
	}
	if err := wal.Bar(vol); err != nil {
		return err
	}
	return durable.Rename(unfinished, dir)
}

// target is the volume that is copied to.
type target struct {
	vol     *disk.Volume
	flusher *durable.Flusher
	lines   *os.File
	buffer  *bufio.Writer // of lines

	waiting []*output       // are written, and not flushed
	bytes   int64           // of them
	dirs    map[string]bool // whose names are not flushed
	made    string          // the directory that was made last
}

func newTarget(vol *disk.Volume) (*target, error) {
	f, err := vol.Create(manifest.Path, 0o644)
	if err != nil {
		return nil, err
	}
	t := &target{
		vol: vol, lines: f, dirs: map[string]bool{disk.LogsDir: true}, made: disk.LogsDir,
		flusher: durable.NewFlusher(vol.CanSyncFS(), vol.Dirty),
	}
	t.buffer = bufio.NewWriterSize(&output{vol: vol, file: f, name: manifest.Path}, 1<<16)
	return t, nil
}

// line puts a line behind those before it.
func (t *target) line(line []byte) error {
	if _, err := t.buffer.Write(line); err != nil {
		return err
	}
	return t.buffer.WriteByte('\n')
}

// create makes a log file, and the directory that it lies in.
func (t *target) create(name string) (*output, error) {
	if dir := path.Dir(name); dir != t.made {
		if err := durable.MkdirAll(t.vol.Path(dir), 0o755); err != nil {
			return nil, err
		}
		t.made = dir
	}
	t.dirs[path.Dir(name)] = true
	f, err := t.vol.CreateFile(name)
	if err != nil {
		return nil, err
	}
	out := &output{vol: t.vol, file: f, name: name}
	t.waiting = append(t.waiting, out)
	return out, nil
}

// written gives a whole file the time of the one that it was copied from, by which
// pollers know it, and flushes what waits once that is much.
func (t *target) written(out *output, from *os.File) error {
	info, err := from.Stat()
	if err != nil {
		return err
	}
	if err := os.Chtimes(t.vol.Path(out.name), info.ModTime(), info.ModTime()); err != nil {
		return err
	}
	t.bytes += out.size - out.flushed
	if len(t.waiting) < mostFiles && t.bytes < mostBytes {
		return nil
	}
	return t.flush()
}

// flush makes the files that wait durable, and their names.
func (t *target) flush() error {
	if err := t.flushFiles(); err != nil {
		return err
	}
	t.closeFiles()
	return nil
}

func (t *target) flushFiles() error {
	if t.flusher.Together(len(t.waiting), uint64(t.bytes)) {
		if err := t.vol.SyncFS(); err != nil {
			return err
		}
		for _, out := range t.waiting { // as in package engine
			if err := t.vol.Written(out.file, out.name); err != nil {
				return err
			}
		}
		return nil
	}
	var files errgroup.Group
	files.SetLimit(parallelFlushes)
	for _, out := range t.waiting {
		files.Go(func() error { return t.vol.Sync(out.file, out.name) })
	}
	if err := files.Wait(); err != nil {
		return err
	}
	for dir := range t.dirs {
		if err := t.vol.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

func (t *target) closeFiles() {
	for _, out := range t.waiting {
		_ = out.file.Close()
	}
	t.waiting, t.bytes = t.waiting[:0], 0
	clear(t.dirs)
}

// finish makes the volume that of a logbook with so many messages. All else is
// durable before the records are there, without which nobody takes it.
func (t *target) finish(id string, checkpoint, retired []byte, messages uint64) error {
	if err := t.flush(); err != nil {
		return err
	}
	if err := t.buffer.Flush(); err != nil {
		return err
	}
	if err := t.vol.Sync(t.lines, manifest.Path); err != nil {
		return err
	}
	if err := fit.WriteID(t.vol, id); err != nil {
		return err
	}
	for path, text := range map[string][]byte{engine.CheckpointPath: checkpoint, fit.RetiredPath: retired} {
		if len(text) == 0 {
			continue
		}
		if err := t.vol.ReplaceWith(disk.StagingDir+"/note"+disk.NewSuffix, path, 0o644, text); err != nil {
			return err
		}
	}
	if err := t.vol.SyncDir(disk.LogsDir); err != nil {
		return err
	}
	records, err := wal.Start(t.vol, messages, 0)
	if err != nil {
		return err
	}
	return records.Close()
}

func (t *target) close() {
	t.closeFiles()
	_ = t.lines.Close()
}
