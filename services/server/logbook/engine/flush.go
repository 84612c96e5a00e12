package engine

import (
	"golang.org/x/sync/errgroup"

	"sealpost/services/server/logbook/engine/disk"
)

const parallelFlushes = 16 // files of a group flushed at once, one by one

// shareFlush decides between one flush of the whole file system and one of each
// file.
func (c *committer) shareFlush(group []*Message) bool {
	own := uint64(0)
	for _, m := range group {
		own += m.file.Size
	}
	return c.flushes.Together(len(group), own)
}

// flushTogether brings bytes and names of staged files to stable storage by one
// flush of the file system.
func flushTogether(vol *disk.Volume, group []*Message) error {
	if err := vol.SyncFS(); err != nil {
		return err
	}
	// A write-back error is reported once to each open file: that of the
	// directory may have missed one which these have seen.
	for _, m := range group {
		if err := vol.Written(m.file.File, m.file.Name); err != nil {
			return err
		}
	}
	return nil
}

// flushEach does the same file by file.
func flushEach(vol *disk.Volume, group []*Message) error {
	var g errgroup.Group
	g.SetLimit(parallelFlushes)
	for _, m := range group {
		g.Go(func() error { return vol.Sync(m.file.File, m.file.Name) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return vol.SyncDir(disk.StagingDir)
}
