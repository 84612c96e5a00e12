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
// What the package does not do: a file must be whole when it appears, so put it
// in by a rename from the same file system. A file that a process on this
// machine still holds open for writing is left until it is closed, where the
// system lets us see that; a writer that closes and opens it again is not
// recognised. The lock is flock(2): the clients must share one kernel, or a
// network file system that carries flock.
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
	"sealpost/shared/message"
)

// Workers is how many messages one client has in flight at once; with a yield
// it is one.
const Workers = 8

const (
	pollOnce  = 200 * time.Millisecond // between looks while others hold the rest
	pollWatch = time.Second            // between looks when staying
	retry     = time.Minute            // before a message left alone is tried again
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
	Log     zerolog.Logger
	// Sent is told of every message delivered, once its receipt lies in
	// DIR/sent; calls may come at the same time. May be nil.
	Sent func(courier.Delivery)

	// For tests: times instead of those above, and a call after each step of
	// the protocol.
	poll, retry, drain time.Duration
	step               func(name string)
}

// Outcome counts what one run did. Left are the messages that stay in
// DIR/.sending for a later run.
type Outcome struct {
	Sent, Refused int
	Left          []Left
	Stopped       bool // asked to stop before the outbox was empty
}

// Left is a message that could not be settled: Err is a *courier.UnknownError,
// *courier.ReadError, *ForeignError, *RecordError or ErrNoPassword.
type Left struct {
	ID   message.ID
	Name string
	Err  error
}

type run struct {
	Config
	slots    chan struct{} // one for each message in flight
	inFlight sync.WaitGroup
	wake     chan struct{} // something was settled: look again now
	held     atomic.Int32  // claims in our hands
	stop     context.CancelCauseFunc

	mu        sync.Mutex
	outcome   Outcome
	left      map[message.ID]time.Time // not to be touched again before then; zero: never
	restUntil time.Time
	halted    bool // the server seems to be away: start nothing more
	waiting   bool // said that others hold the rest
}

// Run sends what lies in the outbox and returns when nothing is left in it,
// neither waiting nor in the hands of other clients; with Watch when ctx ends.
// When ctx ends, what is in flight gets a few seconds to finish; the rest stays.
//
// The error is a [*courier.Refusal] of the connection, a [*LogbookError], a
// [*courier.UnknownError] when the server could not be reached at all, or one
// of the file system. The Outcome is valid beside an error.
func Run(ctx context.Context, cfg Config) (Outcome, error) {
	o, err := start(cfg)
	if err != nil {
		return Outcome{}, err
	}
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
	err = o.loop(ctx, work)
	o.inFlight.Wait()
	if err == nil {
		err = o.failure(ctx)
	}
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
	o := &run{
		Config: cfg,
		slots:  make(chan struct{}, workers),
		wake:   make(chan struct{}, 1),
		left:   make(map[message.ID]time.Time),
	}
	if err := o.makeDirs(); err != nil {
		return nil, err
	}
	return o, o.sweep()
}

// fatal ends the run: what is left keeps its place.
type fatal struct{ cause error }

func (f fatal) Error() string { return f.cause.Error() }

// fail ends the run with cause, unless it is ending already.
func (o *run) fail(cause error) { o.stop(fatal{cause}) }

// failure returns what ended the run, or nil when it was asked to stop.
func (o *run) failure(ctx context.Context) error {
	var f fatal
	if errors.As(context.Cause(ctx), &f) {
		return f.cause
	}
	return nil
}
