// Package outbox sends the files of one directory, which any number of clients
// may share.
//
// A client takes a file by one rename into DIR/.sending/<id>/, where a lock
// that dies with its holder and, before the first attempt, a durable record
// (id, sender, name, cipher, size, SHA-256) lie beside it. Whoever finds such a
// directory with a dead holder takes it over under the same id, and the server
// accepts an id once. So every file is sent by one client at a time and ends
// as one message, whichever of the clients is killed, and whenever: with its
// receipt in DIR/sent/<id>/, or with the reason in DIR/refused/<id>/.
//
// One message holds up no other: what the server does not take for now gives its
// slot back and is tried again at growing pauses, after what was not tried yet.
// What a message's way takes of the directories is checked before the first
// claim, and again before each offer.
//
// What the package does not do: a file must be whole when it appears, so put it
// in by a rename from the same file system. On Linux a file that a process on this
// machine still holds open for writing is left until it is closed. Where the
// system does not let us see that (the file of another user, some file systems,
// every other system) it is left until it has not changed for [Config.Settle], by
// the clocks of both machines where it lies on another one's disk. A writer that
// closes and opens its file again is not recognised. The lock is flock(2): the
// clients must share one kernel, or a network file system that carries flock.
// A file system that does not answer holds everything up, as all lies on one.
package outbox

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/client/courier"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/ignore"
	"sealpost/shared/message"
)

// Workers is how many messages one client has in flight at once; with a yield
// it is one.
const Workers = 8

const (
	pollOnce  = 200 * time.Millisecond // between looks while others hold the rest
	pollWatch = time.Second            // between looks when staying
	retry     = time.Second            // before a message that cannot go now is tried again
	mostPause = time.Minute            // as retry grows
	drain     = 5 * time.Second        // for what is in flight when asked to stop
)

// Deliver hands one message to the server: [courier.Courier.Deliver], whose
// errors it returns.
type Deliver func(context.Context, courier.Message) (courier.Delivery, error)

// Config says what to send, as whom, and how.
type Config struct {
	Dir     string                                // the outbox; must exist
	Sender  string                                // our name; claims of other senders are left to them
	Key     *cipher2012.Key                       // encipher as in 2012; nil: cipher none
	Deliver Deliver                               // safe for concurrent use
	Logbook func(context.Context) (string, error) // id of the logbook that the server names
	Watch   bool                                  // stay until the context ends
	Yield   time.Duration                         // after sending one file, leave the next to others that long
	Timeout time.Duration                         // without Watch: the longest wait for what cannot go now; 0: for ever
	Settle  time.Duration                         // how long a file must not have changed, where no lease tells
	Ignore  ignore.Patterns                       // names to leave alone
	// SentKeep is how long a day of sent/ is kept after its end; 0: for ever.
	SentKeep time.Duration
	Log      zerolog.Logger
	// Sent is told of every message delivered, once its receipt lies in
	// DIR/sent; calls may come at the same time. May be nil.
	Sent func(courier.Delivery)

	// For tests: times instead of those above, and a call after each step of
	// the protocol.
	poll, retry, drain time.Duration
	step               func(name string)
}

// Outcome counts what one run did. Left are the messages that stay in
// DIR/.sending for a later run, those that could not be claimed in DIR. Ignored
// are the files that Config.Ignore named at the last look.
type Outcome struct {
	Sent, Refused int
	Left          []Left
	Ignored       int
	Stopped       bool // asked to stop before the outbox was empty
}

// Left is a message that could not be settled: Err is a *courier.UnknownError,
// *courier.PostponedError, *courier.ReadError, *ForeignError, *RecordError,
// ErrNoPassword, or *ClaimError.
type Left struct {
	ID   message.ID // zero with a *ClaimError
	Name string
	Err  error
}

type run struct {
	Config
	box      *box
	slots    chan struct{} // one for each message in flight
	again    chan struct{} // one for each of those that was put off before
	inFlight sync.WaitGroup
	wake     chan struct{} // something was settled: look again now
	held     atomic.Int32  // claims in our hands
	stop     context.CancelCauseFunc

	mu        sync.Mutex
	outcome   Outcome
	moved     time.Time // when something was settled last, or had its first try
	restUntil time.Time
	halted    bool // the server seems to be away: start nothing more
	waiting   bool // said that others hold the rest

	later *schedule
	looks looks
	told  notices
}

// Run sends what lies in the outbox and returns when nothing is left in it,
// neither waiting nor in the hands of other clients; with Watch when ctx ends.
// When ctx ends, what is in flight gets a few seconds to finish; the rest stays.
//
// The error is a [*courier.RefusalError] of the connection, a [*LogbookError], a
// [*courier.UnknownError] when the server could not be reached at all, a
// [*DirError], or one of the file system. The Outcome is valid beside an error.
func Run(ctx context.Context, cfg Config) (Outcome, error) {
	o, err := start(cfg)
	if err != nil {
		return Outcome{}, err
	}
	defer o.box.close()
	ctx, o.stop = context.WithCancelCause(ctx)
	defer o.stop(nil)
	work, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	context.AfterFunc(ctx, func() {
		if o.failure(ctx) != nil {
			abandon()
			return
		}
		time.AfterFunc(o.drain, abandon)
	})
	pruned := o.prune(ctx)
	err = o.loop(ctx, work)
	o.inFlight.Wait()
	pruned()
	if err == nil {
		err = o.failure(ctx)
	}
	if !o.Watch {
		o.outcome.Left = o.later.left()
	}
	o.outcome.Ignored = o.told.count
	return o.outcome, err
}

func start(cfg Config) (*run, error) {
	workers := Workers
	if cfg.Yield > 0 {
		workers = 1
	}
	poll := pollOnce
	if cfg.Watch {
		poll = pollWatch
	}
	cfg.poll = cmp.Or(cfg.poll, poll)
	cfg.retry = cmp.Or(cfg.retry, retry)
	cfg.drain = cmp.Or(cfg.drain, drain)
	if cfg.step == nil {
		cfg.step = func(string) {}
	}
	b, err := openBox(cfg.Dir)
	if err != nil {
		return nil, err
	}
	o := &run{
		Config: cfg,
		box:    b,
		slots:  make(chan struct{}, workers),
		again:  make(chan struct{}, max(1, workers/2)),
		wake:   make(chan struct{}, 1),
		moved:  time.Now(),
		later:  newSchedule(cfg.retry),
	}
	if err = o.prepareDirs(); err == nil {
		err = o.sweep()
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return o, nil
}

// fatalError ends the run: what is left keeps its place.
type fatalError struct{ cause error }

func (e fatalError) Error() string { return e.cause.Error() }

// fail ends the run with cause, unless it is ending already.
func (o *run) fail(cause error) { o.stop(fatalError{cause}) }

// failed is fail for an error of the outbox itself: where one of its directories
// is broken, that says more.
func (o *run) failed(err error) {
	if broken := o.intact(); errors.As(broken, new(*DirError)) {
		err = broken
	}
	o.fail(err)
}

// failure returns what ended the run, or nil when it was asked to stop.
func (o *run) failure(ctx context.Context) error {
	var f fatalError
	if errors.As(context.Cause(ctx), &f) {
		return f.cause
	}
	return nil
}
