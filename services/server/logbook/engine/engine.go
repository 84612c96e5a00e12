// Package engine commits messages to a volume: durably, in the order of its
// queue, each (sender, id) once. Fronts bring it complete messages; package local
// takes them from sessions.
//
//	DIR/logs/server_message<N>.txt   the log files, 0644, or, where directories are sharded,
//	DIR/logs/<N/10000>/server_message<N>.txt
//	DIR/logs/manifest.jsonl          line N is message N       (package manifest)
//	DIR/logs/checkpoint              the signed root of the tree over its lines
//	DIR/staging/                     0700, same file system, never served
//	DIR/staging/records              commit records not yet flushed elsewhere (wal)
//	DIR/staging/index                finds a line by sender and id    (index)
//	DIR/staging/tree                 the hashes of the tree          (merkle)
//	DIR/staging/m-*                  messages on their way in
//
// One goroutine commits. It has the messages that wait written into their files,
// and takes them as one group:
//
//  1. the staged files and their names are flushed, with one flush of the whole
//     file system where that is to be had and cheap, else one by one;
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
// of the group reached the old one. A failure in 3 to 5 is retried until it
// succeeds, since the record is durable and will not be withdrawn; recovery
// replays records and finishes them. The manifest and the renames themselves
// need no flush per group: they are flushed before records is rotated.
//
// Not guaranteed: anything where someone else writes into DIR, or where a disk
// reports a flush that it did not do.
package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/index"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/merkle"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/logging/floods"
	"sealpost/shared/message"
	"sealpost/shared/numbers"
)

// Config bounds an engine.
type Config struct {
	ID          string // the logbook's id, of which Origin is made
	Notary      Notary
	Sharded     bool          // new log files lie in shard directories
	MostInGroup int           // messages, 1 to MaxGroup
	RotateAfter int64         // bytes of commit records before they are rotated
	RetryEvery  time.Duration // between tries to heal, or to finish a durable group
	Log         zerolog.Logger
	Sums        *floods.Sums // of what is logged again and again
	Watch       Watch
}

// Stores are the files of a logbook, opened and recovered.
type Stores struct {
	Volume   *disk.Volume
	Records  *wal.Log
	Manifest *manifest.Manifest
	Tree     *merkle.Tree
	Index    *index.Index
	shards   shards
}

// Rotate flushes what the records vouch for, then replaces them by fresh ones,
// which will not grow far beyond most bytes. It also voids what a failed append
// left in them.
func (s *Stores) Rotate(most int64) error {
	if err := s.Manifest.Flush(); err != nil {
		return err
	}
	if err := s.Tree.Flush(); err != nil {
		return err
	}
	if err := s.flushNames(); err != nil {
		return err
	}
	fresh, err := wal.Start(s.Volume, s.Manifest.Count(), most)
	if err != nil {
		return err
	}
	if s.Records != nil {
		_ = s.Records.Close()
	}
	s.Records = fresh
	s.Index.Flushed(s.Manifest, s.Manifest.End())
	return nil
}

// flushNames makes durable that log files have their names and staged ones none.
// A rename may be certain only once both directories are flushed.
func (s *Stores) flushNames() error {
	return errors.Join(s.flushShards(), s.Volume.SyncDir(disk.LogsDir), s.Volume.SyncDir(disk.StagingDir))
}

// Close closes those that are open.
func (s *Stores) Close() error {
	var errs []error
	if s.Index != nil {
		errs = append(errs, s.Index.Close())
	}
	if s.Tree != nil {
		errs = append(errs, s.Tree.Close())
	}
	if s.Records != nil {
		errs = append(errs, s.Records.Close())
	}
	if s.Manifest != nil {
		errs = append(errs, s.Manifest.Close())
	}
	return errors.Join(append(errs, s.Volume.Close())...)
}

// Engine is what fronts have of the committer: its queue, its health, and what
// it has committed. All methods may be called at once.
type Engine struct {
	cfg       Config
	stores    *Stores // its records are the committer's alone
	committed *committed
	signer    *signer
	queue     *queue
	health    *health
	committer *committer

	closing chan struct{} // closed by Close: no message is taken any more
	done    chan struct{} // closed when the committer has ended
	end     func() error  // once
}

// Start signs the tree as it is and starts the committer. The stores are the
// engine's from then on; after an error they are still the caller's.
func Start(cfg Config, stores *Stores) (*Engine, error) {
	cfg.MostInGroup = cmp.Or(cfg.MostInGroup, MaxGroup)
	cfg.Watch = cfg.Watch.withDefaults()
	e := &Engine{
		cfg: cfg, stores: stores,
		committed: &committed{stores.Manifest, stores.Index},
		signer:    &signer{notary: cfg.Notary, origin: receipt.Origin(cfg.ID), tree: stores.Tree},
		queue:     newQueue(), health: new(health),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	if err := e.signer.signTree(); err != nil {
		return nil, err
	}
	e.SetSharded(cfg.Sharded)
	e.end = sync.OnceValue(e.shutDown)
	e.committer = newCommitter(e)
	go func() {
		defer close(e.done)
		e.committer.run()
	}()
	return e, nil
}

// ID returns the logbook's id.
func (e *Engine) ID() string { return e.cfg.ID }

// Len returns the number of messages kept, retired ones included.
func (e *Engine) Len() uint64 { return e.stores.Manifest.Count() }

// Signed returns the number of messages that are kept and in the newest checkpoint.
func (e *Engine) Signed() uint64 { return e.signer.last.Load().Size }

// Ready is nil when messages can be kept, else the reason.
func (e *Engine) Ready() error { return e.health.reason() }

// Accepting is nil when a message may start on its way in, else a
// logbook.ErrUnavailable.
func (e *Engine) Accepting() error {
	select {
	case <-e.closing:
		return logbook.ErrClosed
	default:
	}
	if err := e.health.reason(); err != nil {
		return fmt.Errorf("%w: %w", logbook.ErrUnavailable, err)
	}
	return nil
}

// Failed takes the error of a file operation outside the committer, and returns
// what the sender hears. Readiness turns red where it is the volume's.
func (e *Engine) Failed(err error) error { return e.health.failed(err) }

// Push hands a complete message over, once there is room for it among those that
// wait. After an error, a logbook.ErrUnavailable, it is still the caller's;
// otherwise its Then hears what became of it.
func (e *Engine) Push(ctx context.Context, m *Message) error { return e.queue.push(ctx, m) }

// Queued returns what waits to be committed.
func (e *Engine) Queued() Queued { return e.queue.waits() }

// Lookup finds a message that is kept.
func (e *Engine) Lookup(_ context.Context, sender string, id message.ID) (logbook.Facts, bool, error) {
	return e.committed.find(index.Key{Sender: sender, ID: id})
}

// Entries gives visit the entries from a number on, and returns the number behind them.
func (e *Engine) Entries(ctx context.Context, from uint64, visit func(logfile.Entry) error) (next uint64, err error) {
	next = e.Len()
	if from >= next {
		return next, nil
	}
	err = e.stores.Manifest.Each(numbers.Range{First: from, Last: next - 1}, func(entry logfile.Entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return visit(entry)
	})
	return next, err
}

// Receipt returns the signed receipt of a message that is kept.
func (e *Engine) Receipt(_ context.Context, f logbook.Facts) ([]byte, error) {
	return e.signer.receipt(f)
}

// Checkpoint returns the newest signed checkpoint.
func (e *Engine) Checkpoint() []byte { return e.signer.checkpoint() }

// Close lets the group under way finish, commits or fails what waits behind it and
// closes the stores.
func (e *Engine) Close() error { return e.end() }

func (e *Engine) shutDown() error {
	e.queue.close()
	close(e.closing)
	<-e.done
	return e.stores.Close()
}

// committed finds messages that are kept.
type committed struct {
	manifest *manifest.Manifest
	index    *index.Index
}

func (c *committed) find(key index.Key) (logbook.Facts, bool, error) {
	p, ok, err := c.index.Find(key)
	if err != nil || !ok {
		return logbook.Facts{}, false, err
	}
	line, err := c.manifest.Line(p)
	if err != nil {
		return logbook.Facts{}, false, fmt.Errorf("%w: %w", logbook.ErrUnavailable, err)
	}
	entry, err := logfile.ParseLine(line)
	if err == nil && (entry.Sender != key.Sender || entry.ID != key.ID || entry.Seq != p.Seq) {
		err = errors.New("it is about another message")
	}
	if err != nil {
		return logbook.Facts{}, false, fmt.Errorf("%w: manifest line %d: %w", logbook.ErrUnavailable, p.Seq, err)
	}
	return logbook.Facts{Entry: entry, Line: line, Repeat: true}, true, nil
}
