// Package replicated keeps a logbook on several servers that read one replicated log. Each
// has a volume of its own, and the same on it: log files, manifest and tree are equal byte
// for byte.
//
// A message is taken in and checked by one server, and published. Every server reads the
// log in order (package fold) and hands each message to the logbook on its own volume, with
// the order and the time of the log. The server that published it answers when its own
// volume keeps the message, with what the volume says: the log's acknowledgement proves
// nothing.
//
// What is retired is an entry, too. A server that retires publishes which messages, and which
// note of retired messages it replaces thereby; every server does it as it reads that, and
// removes its own files. So the text of the notes is equal, and where two servers retire at
// once one of them begins anew with the note of the other.
//
//	DIR/staging/fold   what the entries up to a position come to
//
// All other files are package local's.
//
// Guaranteed: what package logbook promises, and that two servers never give an id two
// numbers, or a number to two messages, while the log keeps what it acknowledged on more
// than half of its nodes. A server that cannot keep an entry stops in front of it, and is
// not ready until it can, or until an operator has made the entry void, which all servers
// then pass. That is refused unless all have stopped there (Config.Voids).
//
// Not guaranteed: that a part is kept of a message that is cut off.
package replicated

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/replicated/entry"
	"sealpost/services/server/logbook/replicated/fold"
	"sealpost/services/server/stream"
	"sealpost/shared/logging/floods"
	"sealpost/shared/message"
)

// Log is the replicated log. All methods may be called at once.
type Log interface {
	// Publish adds an entry, and calls done once, with its position or with what became of
	// it: stream.ErrFull means that it is not there, any other error that it may be.
	Publish(data []byte, done func(position uint64, err error))
	// Read gives visit the entries behind a position, each once, in order, without a gap,
	// and waits for more. It ends with ctx, with the error of visit, or where an entry
	// cannot be had.
	Read(ctx context.Context, behind uint64, visit func(fold.Entry) error) error
	// Info describes the log, as the node that leads it has it.
	Info(ctx context.Context) (stream.Info, error)
	// StepDown has another node lead than this one, if it does.
	StepDown(ctx context.Context, leader string) error
	// Get returns one entry.
	Get(ctx context.Context, position uint64) (fold.Entry, error)
	// Purge removes the entries below a position.
	Purge(ctx context.Context, below uint64) error
	// Check is a *stream.SettingsError or a *stream.NodeError where the log is not one that
	// keeps what it acknowledges. Other errors say nothing of that.
	Check(ctx context.Context) error
}

// Config says where the logbook is and what bounds it. Zero means the default.
type Config struct {
	// Local is of this server's volume. Its zone, ciphertext limit and layout are the log's; what
	// it must extend it may come to by reading the log, so that it may be one of an earlier day.
	Local  local.Config
	Log    Log
	Secret []byte // that all servers of the cluster have
	Server string // this one's name
	Voids  Voids  // by operators; nil: there are none
	// KeepFor is how long entries stay in the log that all servers keep, for one that comes
	// back.
	KeepFor time.Duration
	// Fresh is nil while this server knows what all servers share, else why not: then it keeps
	// nothing and signs no receipt. Nil: it always does.
	Fresh func() error
	// Kept hears of each message that the volume keeps and nobody here has waited for, and must
	// not wait for anything: another server took it.
	Kept  func(logbook.Facts)
	Watch Watch // hears how entries fare

	PublishAgain time.Duration // after which an entry without an acknowledgement is published again
	CommitWithin time.Duration // after which a caller hears ErrUnknown
	SaveEvery    time.Duration // for which a start reads the log again
	NoteEvery    time.Duration // between what this server says of itself in the log
	AuditEvery   time.Duration // between looks at the log as a whole
	CheckEvery   time.Duration // between looks at the log's settings, where no node comes or goes
	RetryEvery   time.Duration // between tries to go on
}

func (c Config) withDefaults() Config {
	c.KeepFor = cmp.Or(c.KeepFor, 72*time.Hour)
	c.PublishAgain = cmp.Or(c.PublishAgain, 2*time.Second)
	c.CommitWithin = cmp.Or(c.CommitWithin, 30*time.Second)
	c.SaveEvery = cmp.Or(c.SaveEvery, time.Second)
	c.NoteEvery = cmp.Or(c.NoteEvery, 10*time.Second)
	c.AuditEvery = cmp.Or(c.AuditEvery, 5*time.Second)
	c.CheckEvery = cmp.Or(c.CheckEvery, time.Minute)
	c.RetryEvery = cmp.Or(c.RetryEvery, time.Second)
	if c.Fresh == nil {
		c.Fresh = func() error { return nil }
	}
	if c.Kept == nil {
		c.Kept = func(logbook.Facts) {}
	}
	c.Watch = c.Watch.withDefaults()
	c.Log = watchedLog{c.Log, c.Watch}
	if c.Local.Sums == nil {
		c.Local.Sums = floods.New(c.Local.Log, time.Now)
	}
	return c
}

// Logbook implements logbook.Logbook.
type Logbook struct {
	*local.Logbook
	// Retirer must not be used any more once Close is called.
	Retirer *Retirer

	cfg     Config
	key     entry.Key
	store   *store
	waiters *waiters
	health  *health
	room    room
	whole   atomic.Bool // the volume has come to what is known of it

	progress progress

	mu      sync.Mutex      // of helpers: none begins once Close waits for them
	helpers sync.WaitGroup  // goroutines beside the reader
	ctx     context.Context // ended by Close
	cancel  context.CancelFunc
	done    chan struct{} // closed when the log is read no more
	close   func() error  // once
}

var _ logbook.Logbook = (*Logbook)(nil)

// Open opens the logbook on this server's volume and begins to read the log where the
// volume ends. It is ready once it has come to where the log ends.
func Open(cfg Config) (*Logbook, error) {
	cfg = cfg.withDefaults()
	st := &store{disk.New(cfg.Local.Dir)}
	from, err := st.read()
	if errors.Is(err, errState) {
		cfg.Local.Log.Warn().Err(err).Msg("the replicated log is read from its beginning")
	} else if err != nil {
		return nil, err
	}
	if from.Settings != nil {
		cfg.Local.Sharded = from.Settings.Sharded
	}
	cfg.Local.Ordered = true
	book, known, err := openVolume(cfg.Local)
	if err != nil {
		return nil, err
	}
	l := &Logbook{
		Logbook: book, cfg: cfg, key: entry.NewKey(cfg.Secret, cfg.Local.ID), store: st,
		health: &health{fresh: cfg.Fresh, reading: errBehind, unfit: errUnchecked}, done: make(chan struct{}),
	}
	l.Retirer = &Retirer{Retirer: book.Retirer, l: l}
	l.whole.Store(known == nil)
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.close = sync.OnceValue(l.shutDown)
	l.waiters = newWaiters(l)
	l.progress.begins(from, new(window))
	l.begin(l.waiters.run)
	l.begin((&auditor{Logbook: l}).run)
	l.begin(l.checkLines)
	go func() {
		defer close(l.done)
		(&reader{Logbook: l, saved: from, known: known}).run()
	}()
	return l, nil
}

// Ready is nil when messages can be kept, else the reason.
func (l *Logbook) Ready() error { return cmp.Or(l.health.get(), l.roomy(), l.Logbook.Ready()) }

// Accepting is nil when a message may start on its way in, else a logbook.ErrUnavailable:
// a logbook.ErrNoSpace where the log is full.
func (l *Logbook) Accepting() error {
	if err := l.Logbook.Accepting(); err != nil {
		return err
	}
	if reason := l.health.get(); reason != nil {
		return fmt.Errorf("%w: %w", logbook.ErrUnavailable, reason)
	}
	return l.roomy()
}

// roomy is a *FullError where the log takes no more messages.
func (l *Logbook) roomy() error {
	if percent := l.room.percent(); percent >= refuseAt {
		return &FullError{percent}
	}
	return nil
}

// FullError means that the log takes no more messages until it is trimmed: a logbook.ErrNoSpace.
type FullError struct{ Percent uint64 }

func (e *FullError) Error() string {
	return fmt.Sprintf("%d percent of the replicated log are taken", e.Percent)
}

// Unwrap returns the class.
func (e *FullError) Unwrap() error { return logbook.ErrNoSpace }

// Lookup finds a message that the volume keeps. Where others have read something else and
// this server has no majority, or does not know what the servers share, that is no answer:
// logbook.ErrUnavailable.
func (l *Logbook) Lookup(ctx context.Context, sender string, id message.ID) (logbook.Facts, bool, error) {
	if err := l.health.doubt(); err != nil {
		return logbook.Facts{}, false, err
	}
	return l.Logbook.Lookup(ctx, sender, id)
}

// Receipt returns the signed receipt of a message that is kept, with the errors of Lookup.
func (l *Logbook) Receipt(ctx context.Context, f logbook.Facts) ([]byte, error) {
	if err := l.health.doubt(); err != nil {
		return nil, err
	}
	return l.Logbook.Receipt(ctx, f)
}

// Close ends the reading, tells those who wait that they may try again, and releases the
// volume.
func (l *Logbook) Close() error { return l.close() }

// begin runs a goroutine that ends with l.ctx. It is false where the logbook is closed.
func (l *Logbook) begin(run func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return false
	}
	l.helpers.Go(run)
	return true
}

func (l *Logbook) shutDown() error {
	l.mu.Lock()
	l.cancel()
	l.mu.Unlock()
	l.helpers.Wait()
	<-l.done
	l.waiters.end()
	return l.Logbook.Close()
}
