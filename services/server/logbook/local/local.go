// Package local keeps a logbook on a local volume.
//
//	DIR/logs/server_message<N>.txt   the log files, 0644
//	DIR/logs/manifest.jsonl          line N is message N
//	DIR/logs/checkpoint              the signed root of the tree over its lines
//	DIR/staging/                     0700, same file system, never served
//	DIR/staging/lock                 held by the one server that writes
//	DIR/staging/logbook              the logbook's id
//	DIR/staging/records              the commit records not yet checkpointed
//	DIR/staging/index                finds a manifest line by sender and id
//	DIR/staging/tree                 the hashes of the tree
//	DIR/staging/m-*                  messages on their way in
//
// One goroutine commits. It writes the small messages that wait into their
// files, and takes them and the large ones as one group:
//
//  1. the staged files and their names are flushed, with one flush of the
//     whole file system where that is to be had and cheap, else one by one;
//  2. one record line for the group is appended to records, and flushed;
//  3. each file is renamed to its final name, replacing nothing;
//  4. the manifest lines are appended;
//  5. the tree that now ends with the group is signed;
//  6. the callers are answered.
//
// During 1 and 2 it writes the next group.
//
// A failure in 1 or 2 fails the group: its files are discarded, and its numbers
// are used again only after a fresh records file, flushed, has voided whatever
// of the group reached the old one. A failure in 3 or 4 is retried until it
// succeeds, since the record is durable and will not be withdrawn. Recovery
// replays records and finishes 3 to 5. The manifest and the renames themselves
// need no flush per group: they are flushed before records is replaced.
//
// What it does not protect against: someone else writing into DIR, and a disk
// that reports a flush it did not do.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/shared/durable"
	"sealpost/shared/logfile"
	"sealpost/shared/logging/floods"
	"sealpost/shared/message"
)

// Config says where the logbook is and what bounds it. Zero means the default.
type Config struct {
	Dir           string         // holds logs/ and staging/
	ID            string         // the logbook's id, as the state volume has it
	Notary        Notary         // required
	Known         []byte         // a checkpoint that the volume must extend, as the state volume has it; or none
	CiphertextMax uint64         // longer base64 is left out of the log file
	MaxStaged     uint64         // bytes of the messages on their way in of one sender; all together a third more
	Files         int            // descriptors for the files of messages on their way in
	Zone          *time.Location // of the time in the log file
	Log           zerolog.Logger
	Sums          *floods.Sums // of what is logged again and again

	// Lock is of Dir, by Lock, and stays the caller's to close. Nil: Open takes
	// one, and Close gives it up.
	Lock *durable.FileLock

	CheckpointAfter int64         // bytes of commit records before they are replaced
	IndexBatch      int           // messages that wait in memory for one write of the index file
	RetryEvery      time.Duration // between tries to heal, or to finish a durable group

	// These are for tests: the clock, an error in place of the file operation
	// that is about to happen, and how many bytes the machine has not flushed.
	Now   func() time.Time
	Fault func(Step) error
	Dirty func() (uint64, error)
}

// Logbook implements logbook.Logbook.
type Logbook struct {
	cfg       Config
	vol       *volume
	lock      io.Closer // none where it is the caller's
	index     *index
	canSyncFS bool
	manifest  *manifest
	records   *records
	tree      *tree
	sealed    atomic.Pointer[sealed]
	space     *space
	files     *files
	health    health

	mostInGroup int

	// The committer's own.
	flushFailed bool              // the manifest's tail must be written again before its flush
	unfinished  bool              // a durable group was left to recovery
	published   *sealed           // the checkpoint beside the manifest
	dirty       gauge             // of bytes that the machine has not flushed
	busy        map[indexKey]bool // ids of the messages that are being committed
	ahead       []*staged         // those written for the next group
	later       []*staged         // those that wait for one of these
	orphans     []string          // staged files that a record not yet voided may name

	queue   *queue
	closing chan struct{} // closed by Close: no message is taken any more
	done    chan struct{} // closed when the committer has ended
	once    sync.Once
}

var _ logbook.Logbook = (*Logbook)(nil)

// Open locks the volume, recovers what the last server left and starts the
// committer. durable.ErrLocked means that another server holds the volume, a
// *MisfitError that the volume does not belong to this logbook id.
func Open(cfg Config) (*Logbook, error) {
	cfg = cfg.withDefaults()
	vol := &volume{dir: cfg.Dir, step: cfg.Fault}
	var own io.Closer = io.NopCloser(nil)
	if cfg.Lock == nil {
		lock, err := vol.lock()
		if err != nil {
			return nil, err
		}
		own = lock
	}
	var err error
	if vol.root, err = os.Open(vol.dir); err != nil {
		_ = own.Close()
		return nil, err
	}
	l := &Logbook{
		cfg: cfg, vol: vol, lock: own,
		canSyncFS: canSyncFS(vol.dir), dirty: gauge{read: cfg.Dirty},
		space: newSpace(vol.dir, cfg.MaxStaged),
		files: newFiles(cfg.Files), mostInGroup: groupSize(cfg.Files),
		queue:   newQueue(),
		busy:    make(map[indexKey]bool),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
	}
	if err := l.recover(); err != nil {
		_ = vol.root.Close()
		_ = own.Close()
		return nil, err
	}
	go l.commitLoop()
	return l, nil
}

// Lock keeps all others from the volume dir. durable.ErrLocked means that
// another server has it.
func Lock(dir string) (*durable.FileLock, error) { return (&volume{dir: dir, step: noFault}).lock() }

// HoldsLock reports whether the lock is still that of the volume dir: another
// one may have been put in its place.
func HoldsLock(dir string, lock *durable.FileLock) bool {
	return lock.Holds((&volume{dir: dir}).staging(lockName))
}

func (v *volume) lock() (*durable.FileLock, error) {
	if err := v.prepare(); err != nil {
		return nil, err
	}
	lock, err := durable.TryLock(v.staging(lockName))
	if err != nil {
		return nil, fmt.Errorf("volume %s: %w", v.dir, err)
	}
	return lock, nil
}

func (c Config) withDefaults() Config {
	if c.CiphertextMax == 0 {
		c.CiphertextMax = 1 << 20
	}
	if c.MaxStaged == 0 {
		c.MaxStaged = 16 << 30
	}
	if c.Files == 0 {
		c.Files = MostFiles
	}
	if c.CheckpointAfter == 0 {
		c.CheckpointAfter = 4 << 20
	}
	if c.IndexBatch == 0 {
		c.IndexBatch = 4096
	}
	if c.RetryEvery == 0 {
		c.RetryEvery = time.Second
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Sums == nil {
		c.Sums = floods.New(c.Log, time.Now)
	}
	if c.Fault == nil {
		c.Fault = noFault
	}
	if c.Dirty == nil {
		c.Dirty = dirtyBytes
	}
	return c
}

// ID returns the logbook's id.
func (l *Logbook) ID() string { return l.cfg.ID }

// Len returns the number of messages kept, retired ones included.
func (l *Logbook) Len() uint64 { return l.manifest.count() }

// Ready is nil when messages can be kept, else the reason.
func (l *Logbook) Ready() error { return l.health.reason() }

// Lookup finds a message by sender and id.
func (l *Logbook) Lookup(_ context.Context, sender string, id message.ID) (logbook.Facts, bool, error) {
	p, ok, err := l.index.find(sender, id)
	if err != nil || !ok {
		return logbook.Facts{}, false, err
	}
	line, err := l.manifest.line(p)
	if err != nil {
		return logbook.Facts{}, false, fmt.Errorf("%w: %w", logbook.ErrUnavailable, err)
	}
	entry, err := logfile.ParseLine(line)
	if err == nil && (entry.Sender != sender || entry.ID != id || entry.Seq != p.seq) {
		err = errors.New("it is about another message")
	}
	if err != nil {
		return logbook.Facts{}, false, fmt.Errorf("%w: manifest line %d: %w", logbook.ErrUnavailable, p.seq, err)
	}
	return logbook.Facts{Entry: entry, Line: line, Repeat: true}, true, nil
}

// Close lets the group under way finish, commits or fails what waits behind it and
// releases the volume.
func (l *Logbook) Close() error {
	l.once.Do(func() {
		l.queue.close()
		close(l.closing)
	})
	<-l.done
	return errors.Join(l.index.close(), l.tree.close(), l.records.close(), l.manifest.close(), l.vol.root.Close(), l.lock.Close())
}
