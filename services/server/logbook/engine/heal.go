package engine

import (
	"fmt"
	"os"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
)

// Headroom is left free on the volume for records, manifest and directories,
// which must not fail for want of room once a message is durable.
const Headroom = 16 << 20

// checkRoom turns readiness red while the volume has less left than that.
func (c *committer) checkRoom() {
	if err := c.roomLeft(); err != nil && c.health.reason() == nil {
		c.health.turnRed(err)
	}
}

func (c *committer) roomLeft() error {
	free, err := disk.FreeBytes(c.Volume.Dir())
	if err == nil && free < Headroom {
		err = fmt.Errorf("%w: the volume has less than the %d bytes left that are kept free",
			logbook.ErrNoSpace, uint64(Headroom))
	}
	return err
}

// heal tries whether the volume can be written again: what may be left of a
// failed group is voided, a fresh file is written and flushed as a group would
// be, and the place of the next number is looked at. Only then readiness turns
// green.
func (c *committer) heal() error {
	if err := c.Index.Failure(); err != nil && c.health.reason() == nil {
		c.health.turnRed(fmt.Errorf("index: %w", err))
	}
	generation, reason := c.health.state()
	if reason == nil {
		return nil
	}
	if err := c.tryHeal(); err != nil {
		c.health.turnRed(err)
		return err
	}
	c.health.healed(generation)
	return nil
}

func (c *committer) tryHeal() error {
	for _, try := range []func() error{
		c.roomLeft,
		c.probe,
		func() error { return c.Tree.Mend(c.Manifest) },
		c.rotateRecords,
		func() error { return c.Index.Mend(c.Manifest) },
		func() error { return c.placesFree(c.Manifest.Count(), 1) },
	} {
		if err := try(); err != nil {
			return err
		}
	}
	return nil
}

// probe writes a file and flushes it in each way in which the next group may be.
func (c *committer) probe() (err error) {
	const name = disk.StagingDir + "/" + disk.StagedPrefix + "probe" // always the same, as is then the reason
	f, err := c.Volume.Open(name, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = c.Volume.Remove(name) }()
	_, err = c.Volume.WriteAt(f, name, []byte("sealpost probe\n"), 0)
	if err == nil {
		err = c.flushProbe(f, name)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

func (c *committer) flushProbe(f *os.File, name string) error {
	if err := c.Volume.Sync(f, name); err != nil || !c.shareFlush(nil) {
		return err
	}
	if err := c.Volume.SyncFS(); err != nil {
		return err
	}
	return c.Volume.Written(f, name)
}
