package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sealpost/shared/logfile"
)

// recover brings the volume to where the last server would have brought it, and
// loads what is in memory.
func (l *Logbook) recover() error {
	head, recs, found, err := readRecords(l.vol)
	if err != nil {
		return err
	}
	l.manifest, err = openManifest(l.vol)
	if err != nil {
		return err
	}
	l.index = newIndex(l.vol, l.cfg.IndexBatch)
	err = l.replay(head, recs, found)
	if err != nil { // it will be tried again: nothing may stay open
		_ = l.index.close()
		_ = l.manifest.close()
		if l.tree != nil {
			_ = l.tree.close()
		}
		if l.records != nil {
			_ = l.records.close()
		}
	}
	return err
}

func (l *Logbook) replay(head recordsHead, recs []record, found bool) error {
	if err := l.fit().checkID(l.vol, head.Base+uint64(len(recs)), found); err != nil {
		return err
	}
	checkpoint, err := l.vol.readCheckpoint()
	if err != nil {
		return err
	}
	begin, err := l.load(head, found)
	if err != nil {
		return err
	}
	if err := l.replayRecords(head, recs, found, begin); err != nil {
		return err
	}
	if err := l.checkSeals(checkpoint); err != nil {
		return err
	}
	if err := l.seal(); err != nil {
		return err
	}
	// What the fresh records no longer vouch for must be durable before them.
	if err := errors.Join(l.manifest.flush(false), l.tree.flush()); err != nil {
		return err
	}
	if err := l.flushNames(); err != nil {
		return err
	}
	fresh, err := startRecords(l.vol, l.manifest.count(), l.cfg.CheckpointAfter)
	if err != nil {
		return err
	}
	l.records = fresh
	l.index.flushed(l.manifest, l.manifest.end())
	if err := l.giveID(); err != nil {
		return err
	}
	dropped, err := l.vol.removeStaged()
	if err != nil {
		return err
	}
	l.cfg.Log.Info().Uint64("messages", l.manifest.count()).Int("replayed", len(recs)).Int("discarded", dropped).Msg("logbook open")
	return nil
}

func (l *Logbook) fit() fit { return fit{l.cfg.ID, l.cfg.Known, l.cfg.Notary} }

// giveID puts the id on a volume that has none yet. It comes behind the first
// records: an id without them means that they were lost.
func (l *Logbook) giveID() error {
	id, err := l.vol.readID()
	if err != nil || id != "" {
		return err
	}
	return l.vol.writeID(l.cfg.ID)
}

// load brings index and tree up to the manifest lines that are durable, and
// returns where those that the records hold begin.
func (l *Logbook) load(head recordsHead, found bool) (begin position, err error) {
	flushed := head.Base
	if !found {
		flushed = allFlushed
	}
	covered, err := l.index.open(l.manifest, flushed)
	if err != nil {
		return begin, err
	}
	begin, err = l.manifest.scan(covered, flushed, l.index.fill(l.manifest, flushed))
	if err != nil {
		return begin, err
	}
	if l.tree, err = openTree(l.vol, begin.lines); err != nil {
		return begin, err
	}
	if l.tree.size() < begin.lines {
		err = l.tree.fill(l.manifest, begin.lines)
	}
	return begin, err
}

// replayRecords puts back the files and lines of every recorded message.
func (l *Logbook) replayRecords(head recordsHead, recs []record, found bool, begin position) error {
	if !found {
		return nil
	}
	have := l.manifest.count()
	if err := checkLines(have, have, head.Base, head.Base+uint64(len(recs))); err != nil {
		return err
	}
	entries, err := parseRecorded(head.Base, recs)
	if err != nil {
		return err
	}
	for i, e := range entries {
		if err := l.replayFile(recs[i].Staged, e); err != nil {
			return err
		}
	}
	places, err := l.manifest.restore(begin, recs)
	if err != nil {
		return err
	}
	lines := make([][]byte, len(recs))
	for i, e := range entries {
		l.index.add(e.Sender, e.ID, places[i])
		lines[i] = []byte(recs[i].Line)
	}
	return l.tree.append(lines)
}

func parseRecorded(base uint64, recs []record) ([]logfile.Entry, error) {
	entries := make([]logfile.Entry, len(recs))
	for i, r := range recs {
		e, err := logfile.ParseLine([]byte(r.Line))
		if err != nil {
			return nil, &CorruptError{recordsPath, err.Error()}
		}
		if filepath.Dir(r.Staged) != stagingDir {
			return nil, &CorruptError{recordsPath, fmt.Sprintf("number %d was staged elsewhere", e.Seq)}
		}
		if e.Seq != base+uint64(i) {
			return nil, &CorruptError{recordsPath, fmt.Sprintf("number %d stands in the place of %d", e.Seq, base+uint64(i))}
		}
		entries[i] = e
	}
	return entries, nil
}

// replayFile gives a recorded file its name, where the crash came before that.
func (l *Logbook) replayFile(stagedFile string, e logfile.Entry) error {
	_, staged, err := size(l.vol.path(stagedFile))
	if err != nil {
		return err
	}
	_, final, err := size(l.vol.logs(e.File))
	if err != nil {
		return err
	}
	switch {
	case staged && final:
		return l.settleBoth(stagedFile, e)
	case staged:
		return l.vol.publish(stagedFile, logsDir+"/"+e.File)
	case !final:
		// It had its name before the crash, and was removed since.
		l.cfg.Log.Warn().Str("file", e.File).Msg("log file of a recorded message is gone")
	}
	return nil
}

// settleBoth: where names are given by link and unlink a crash can leave both.
func (l *Logbook) settleBoth(stagedFile string, e logfile.Entry) error {
	a, err := os.Stat(l.vol.path(stagedFile))
	if err != nil {
		return err
	}
	b, err := os.Stat(l.vol.logs(e.File))
	if err != nil {
		return err
	}
	if !os.SameFile(a, b) {
		return &ForeignFileError{e.File}
	}
	return l.vol.remove(stagedFile)
}

// restore writes the recorded lines to their places, from begin on, also those
// that seem to be there: after a failed flush the page cache can show what the
// disk lacks.
func (m *manifest) restore(begin position, recs []record) ([]place, error) {
	m.setEnd(begin)
	lines := make([][]byte, len(recs))
	for i, r := range recs {
		lines[i] = []byte(r.Line)
	}
	var places []place
	if len(lines) > 0 {
		var err error
		if places, err = m.append(lines); err != nil {
			return nil, err
		}
	}
	return places, m.cut()
}

// cut takes off what stands behind the last line.
func (m *manifest) cut() error {
	info, err := m.file.Stat()
	if err != nil || info.Size() <= m.end().bytes {
		return err
	}
	return m.vol.cut(m.file, manifestPath, m.end().bytes)
}
