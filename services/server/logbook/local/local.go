// Package local keeps a logbook on a local volume. It takes messages from
// sessions, whole or piece by piece, gives them room and a staged file, and hands
// them to package engine, which commits them. It brings the volume to where the
// last server would have brought it, and judges whose it is.
//
//	DIR/staging/lock      held by the one server that writes
//	DIR/staging/logbook   the logbook's id
//	DIR/staging/p-*       what is known of messages that were cut off (parts)
//
// All other files are the engine's.
//
// Guaranteed: what package logbook promises, across a crash and a power cut.
//
// Not guaranteed: anything where someone else writes into DIR, or where a disk
// reports a flush that it did not do.
package local

import (
	"cmp"
	"errors"
	"io"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/logbook/local/retire"
	"sealpost/services/server/logbook/local/room"
	"sealpost/services/server/logbook/parts"
	"sealpost/shared/durable"
	"sealpost/shared/logging/floods"
)

// Errors of the engine and of package fit, as those who open a logbook hear them.
type (
	// MisfitError means that log volume and state volume do not belong together.
	MisfitError = fit.MisfitError
	// ForkError means that the manifest is not the one that a checkpoint was signed for.
	ForkError = fit.ForkError
	// CorruptError means that the logbook's own files contradict each other.
	CorruptError = disk.CorruptError
	// ForeignFileError means that something lies where the next number belongs.
	ForeignFileError = engine.ForeignFileError
	// NotKeptError means that a message is to be retired that is not there yet.
	NotKeptError = retire.NotKeptError
	// RangesError means that the list of retired messages would become too long.
	RangesError = retire.RangesError
	// LargestError means that a message of the largest size would find no room.
	LargestError = room.LargestError
	// Policy says how long messages stay.
	Policy = retire.Policy
	// Watch hears how the committer fares.
	Watch = engine.Watch
	// Step is a part of a commit whose time is measured.
	Step = engine.Step
)

// Config says where the logbook is and what bounds it. Zero means the default.
type Config struct {
	Dir           string         // holds logs/ and staging/
	ID            string         // the logbook's id, as the state volume has it
	Notary        engine.Notary  // required
	Known         []byte         // a checkpoint that the volume must extend, as the state volume has it; or none
	KnownRetired  uint64         // the serial of the newest note of retired messages, as the state volume has it; or 0
	CiphertextMax uint64         // longer base64 is left out of the log file
	MaxStaged     uint64         // bytes of the messages on their way in of one sender; all together a third more
	Largest       uint64         // bytes that the files of the largest message take, for Room
	Files         int            // descriptors for the files of messages on their way in
	Zone          *time.Location // of the time in the log file
	Sharded       bool           // new log files lie in shard directories
	Log           zerolog.Logger
	Sums          *floods.Sums        // of what is logged again and again
	KeepParts     time.Duration       // how long a part is kept of a large message that is cut off; 0: none is
	PartsHeld     func(bytes uint64)  // hears how much such parts hold, whenever that changes
	Watch         Watch               // hears how the committer fares
	Missing       func(number uint64) // hears of each recorded message whose log file is neither staged nor in its place

	Retain      Policy                       // for who runs the Retirer
	KeepRetired func(serial uint64) error    // takes the serial of a note of retired messages down in the state volume
	Retired     func(messages, bytes uint64) // hears of messages that are retired, and of bytes of files that went
	Ordered     bool                         // what is retired is ordered from outside

	// Lock is of Dir, by Lock, and stays the caller's to close. Nil: Open takes
	// one, and Close gives it up.
	Lock *durable.FileLock

	RotateAfter int64         // bytes of commit records before they are rotated
	IndexBatch  int           // messages that wait in memory for one write of the index file
	RetryEvery  time.Duration // between tries to heal, or to finish a durable group
	PartStep    uint64        // bytes by which a part grows, for tests; PartStep

	now   func() time.Time // for tests, as seams
	seams disk.Seams
}

// Logbook implements logbook.Logbook.
type Logbook struct {
	*engine.Engine
	cfg            Config
	vol            *disk.Volume
	lock           io.Closer // none where it is the caller's
	space          *room.Space
	files          *room.Files
	shelf          *shelf
	oldest, newest moment
	// Retirer must not be used any more once Close is called.
	Retirer *retire.Retirer
}

var _ logbook.Logbook = (*Logbook)(nil)

// Open locks the volume, recovers what the last server left and starts the
// committer. durable.ErrLocked means that another server holds the volume, a
// *MisfitError that the volume does not belong to this logbook id.
func Open(cfg Config) (*Logbook, error) {
	cfg = cfg.withDefaults()
	vol := disk.NewWithSeams(cfg.Dir, cfg.seams)
	var own io.Closer = io.NopCloser(nil)
	if cfg.Lock == nil {
		lock, err := vol.Lock()
		if err != nil {
			return nil, err
		}
		own = lock
	}
	running, r, err := start(cfg, vol)
	if err != nil {
		_ = own.Close()
		return nil, err
	}
	l := &Logbook{
		Engine: running, cfg: cfg, vol: vol, lock: own,
		space: room.NewSpace(vol.Dir(), cfg.MaxStaged), files: room.NewFiles(cfg.Files), shelf: newShelf(vol, cfg),
	}
	l.Retirer = retire.New(retire.Config{
		Volume: vol, Manifest: r.Manifest, Notary: cfg.Notary, ID: cfg.ID, Signed: l.Signed, Ordered: cfg.Ordered,
		Keep: cfg.KeepRetired, Kept: cfg.KnownRetired, Retired: cfg.Retired,
	}, r.retired, r.note)
	for _, p := range r.parts {
		end := uint64(layoutOf(p.Draft, p.Received, cfg).PlainOffset()) + p.Offset
		p.room = l.space.Found(p.Draft.Sender, room.Blocks(end)+parts.FileSize)
		l.shelf.put(p, nil)
	}
	l.space.Evict = l.shelf.evict
	return l, nil
}

// start recovers the volume and starts the engine on it.
func start(cfg Config, vol *disk.Volume) (*engine.Engine, *recovery, error) {
	if err := vol.OpenRoot(); err != nil {
		return nil, nil, err
	}
	if !cfg.Ordered {
		if err := fit.Alone(vol); err != nil {
			return nil, nil, err
		}
	}
	stores := &engine.Stores{Volume: vol}
	var running *engine.Engine
	r := &recovery{cfg: cfg, Stores: stores}
	err := r.run()
	if err == nil {
		running, err = engine.Start(engine.Config{
			ID: cfg.ID, Notary: cfg.Notary, MostInGroup: room.GroupSize(cfg.Files), RotateAfter: cfg.RotateAfter,
			Sharded:    cfg.Sharded,
			RetryEvery: cfg.RetryEvery, Log: cfg.Log, Sums: cfg.Sums, Watch: cfg.Watch,
		}, stores)
	}
	if err != nil { // it will be tried again: nothing may stay open
		_ = stores.Close()
		return nil, nil, err
	}
	return running, r, nil
}

// Steps lists the parts of a commit whose time is measured.
func Steps() []Step { return engine.Steps() }

// Lock keeps all others from the volume dir. durable.ErrLocked means that
// another server has it.
func Lock(dir string) (*durable.FileLock, error) { return disk.New(dir).Lock() }

// HoldsLock reports whether the lock is still that of the volume dir: another
// one may have been put in its place.
func HoldsLock(dir string, lock *durable.FileLock) bool { return disk.New(dir).HoldsLock(lock) }

// known is what the log volume is judged by.
func (c Config) known() fit.Known {
	return fit.Known{ID: c.ID, Checkpoint: c.Known, Serial: c.KnownRetired, Notary: c.Notary}
}

func (c Config) withDefaults() Config {
	c.CiphertextMax = cmp.Or(c.CiphertextMax, 1<<20)
	c.MaxStaged = cmp.Or(c.MaxStaged, 16<<30)
	c.Files = cmp.Or(c.Files, room.MostFiles)
	c.RotateAfter = cmp.Or(c.RotateAfter, 4<<20)
	c.IndexBatch = cmp.Or(c.IndexBatch, 4096)
	c.RetryEvery = cmp.Or(c.RetryEvery, time.Second)
	c.Zone = cmp.Or(c.Zone, time.UTC)
	if c.Sums == nil {
		c.Sums = floods.New(c.Log, time.Now)
	}
	c.PartStep = cmp.Or(c.PartStep, PartStep)
	if c.PartsHeld == nil {
		c.PartsHeld = func(uint64) {}
	}
	if c.Missing == nil {
		c.Missing = func(uint64) {}
	}
	if c.KeepRetired == nil {
		c.KeepRetired = func(uint64) error { return nil }
	}
	if c.Retired == nil {
		c.Retired = func(uint64, uint64) {}
	}
	if c.now == nil {
		c.now = time.Now
	}
	return c
}

// Close lets the group under way finish, commits or fails what waits behind it and
// releases the volume.
func (l *Logbook) Close() error {
	l.shelf.close()
	return errors.Join(l.Engine.Close(), l.lock.Close())
}
