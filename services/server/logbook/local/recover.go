package local

import (
	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/engine/index"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/merkle"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

// recovery brings the volume to where the last server would have brought it, and
// opens its stores.
type recovery struct {
	cfg Config
	*engine.Stores
	retired receipt.Retired
	note    []byte          // its text
	gone    []logfile.Entry // of recorded messages whose log file is nowhere
	parts   []*part         // of messages that were on their way in
}

func (r *recovery) run() error {
	head, recs, found, err := wal.Read(r.Volume)
	if err != nil {
		return err
	}
	if r.Manifest, err = manifest.Open(r.Volume); err != nil {
		return err
	}
	r.Index = index.New(r.Volume, r.cfg.IndexBatch)
	if err := r.cfg.known().CheckID(r.Volume, head.Base+uint64(len(recs)), found); err != nil {
		return err
	}
	if err := r.readRetired(); err != nil {
		return err
	}
	checkpoint, err := fit.ReadCheckpoint(r.Volume)
	if err != nil {
		return err
	}
	begin, err := r.load(head, found)
	if err != nil {
		return err
	}
	if err := r.replay(head, recs, found, begin); err != nil {
		return err
	}
	if err := fit.CheckReach(r.retired, r.Manifest.Count()); err != nil {
		return err
	}
	if err := r.checkCheckpoints(checkpoint); err != nil {
		return err
	}
	// Rotate flushes what the old records hold before it replaces them, and the name of
	// the note, by which files are removed from now on.
	if err := r.Rotate(r.cfg.RotateAfter); err != nil {
		return err
	}
	r.tellGone()
	if err := r.giveID(); err != nil {
		return err
	}
	var keep map[string]bool
	r.parts, keep = findParts(r.Volume, r.cfg)
	dropped, err := r.Volume.RemoveStaged(keep)
	if err != nil {
		return err
	}
	r.cfg.Log.Info().Uint64("messages", r.Manifest.Count()).Int("replayed", len(recs)).
		Int("discarded", dropped).Int("parts", len(r.parts)).Msg("logbook open")
	return nil
}

// readRetired reads which messages were retired: their files are not put back.
func (r *recovery) readRetired() (err error) {
	if r.note, err = fit.ReadRetired(r.Volume); err != nil {
		return err
	}
	r.retired, err = r.cfg.known().OpenRetired(r.note)
	return err
}

// giveID puts the id on a volume that has none yet. It comes behind the first
// records: an id without them means that they were lost.
func (r *recovery) giveID() error {
	id, err := fit.IDOn(r.Volume)
	if err != nil || id != "" {
		return err
	}
	return fit.WriteID(r.Volume, r.cfg.ID)
}

// load brings index and tree up to the manifest lines that are durable, and
// returns where those that the records hold begin.
func (r *recovery) load(head wal.Head, found bool) (begin manifest.Position, err error) {
	flushed := head.Base
	if !found {
		flushed = manifest.AllFlushed
	}
	covered, err := r.Index.Open(r.Manifest, flushed)
	if err != nil {
		return begin, err
	}
	begin, err = r.Manifest.Scan(covered, flushed, r.Index.Fill(r.Manifest, flushed))
	if err != nil {
		return begin, err
	}
	if r.Tree, err = merkle.Open(r.Volume, begin.Lines); err != nil {
		return begin, err
	}
	if r.Tree.Size() < begin.Lines {
		err = r.Tree.Fill(r.Manifest, begin.Lines)
	}
	return begin, err
}

// replay puts back the files and lines of every recorded message.
func (r *recovery) replay(head wal.Head, recs []wal.Record, found bool, begin manifest.Position) error {
	if !found {
		return nil
	}
	have := r.Manifest.Count()
	if err := fit.CheckLines(have, have, head.Base, head.Base+uint64(len(recs))); err != nil {
		return err
	}
	entries, err := fit.ParseRecords(head.Base, recs)
	if err != nil {
		return err
	}
	lines := make([][]byte, len(recs))
	for i, e := range entries {
		lines[i] = []byte(recs[i].Line)
		if err := r.replayFile(recs[i].Staged, e); err != nil {
			return err
		}
	}
	places, err := r.Manifest.Restore(begin, lines)
	if err != nil {
		return err
	}
	for i, e := range entries {
		r.Index.Add(index.Key{Sender: e.Sender, ID: e.ID}, places[i])
	}
	return r.Tree.Append(lines)
}

// replayFile gives a recorded file its name, where the crash came before that. One
// that was retired since stays where it is, to be removed.
func (r *recovery) replayFile(stagedFile string, e logfile.Entry) error {
	if r.retired.Numbers.Has(e.Seq) {
		return nil
	}
	at, err := locate(r.Stores, stagedFile, e)
	if err != nil {
		return err
	}
	switch {
	case at.staged && at.named:
		r.Touch(e.File)
		return r.Volume.Remove(stagedFile)
	case at.staged:
		return r.Publish(stagedFile, e.File)
	case !at.named:
		// It had its name before the crash, and was removed since.
		r.gone = append(r.gone, e)
	default: // the name may not have been flushed
		r.Touch(e.File)
	}
	return nil
}

// tellGone comes after the rotation. A start that fails earlier is repeated and
// finds the same files gone, which must be counted once.
func (r *recovery) tellGone() {
	for _, e := range r.gone {
		r.cfg.Missing(e.Seq)
		r.cfg.Log.Error().Uint64("number", e.Seq).Str("file", e.File).Msg("the log file of a recorded message is gone")
	}
}
