package outbox

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"sealpost/services/client/outbox/box"
	"sealpost/services/client/outbox/group"
	"sealpost/services/client/outbox/ready"
	"sealpost/services/client/outbox/watch"
	"sealpost/shared/durable"
)

type run struct {
	Config
	box      *box.Box
	open     *semaphore.Weighted
	mostOpen int           // files that open has at most, and messages that a group has
	slots    chan struct{} // one for each message in flight
	groups   chan struct{} // one for each group in our hands
	again    chan struct{} // one for each of those in which all was put off before
	turn     chan struct{} // to take slots: groups go out one after the other, so that each ends soon
	inFlight sync.WaitGroup
	wake     chan struct{} // a group was let go: look again now
	watch    *watch.Watch  // nil: without Watch
	stop     context.CancelCauseFunc

	mu        sync.Mutex
	outcome   Outcome
	moved     time.Time // when something ended last, or had its first try
	restUntil time.Time
	halted    bool // the server seems to be away: start nothing more

	later *schedule
	over  overQuota

	// The loop's alone.
	files   sweep
	looks   ready.Looks
	looked  time.Time     // at the groups, the last time
	waiting bool          // said that others hold the rest
	paused  time.Duration // the last pause, if nothing of ours has ended since
}

func start(cfg Config) (*run, error) {
	workers, groups := Workers, MostGroups
	if cfg.Yield > 0 {
		workers, groups = 1, 1
	}
	open := mostOpen()
	workers = min(workers, max(1, open/2))
	cfg = cfg.withDefaults()
	b, err := box.Open(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if cfg.flusher == nil {
		cfg.flusher = durable.NewFlusher(b.Root.CanSyncFS(), durable.DirtyBytes)
	}
	o := &run{
		Config:   cfg,
		box:      b,
		open:     semaphore.NewWeighted(int64(open)),
		mostOpen: open,
		slots:    make(chan struct{}, workers),
		groups:   make(chan struct{}, groups),
		again:    make(chan struct{}, max(1, groups/2)),
		turn:     make(chan struct{}, 1),
		wake:     make(chan struct{}, 1),
		moved:    time.Now(),
		later:    newSchedule(cfg.retry),
		files:    sweep{box: b, recursive: cfg.Recursive, ignore: cfg.Ignore, log: cfg.Log, late: cfg.late},
	}
	if err = b.Prepare(); err == nil {
		err = group.Sweep(b)
	}
	if err != nil {
		b.Close()
		return nil, err
	}
	if o.Watch {
		o.watch = watch.New(o.Log)
		o.files.watch = o.watch
	}
	return o, nil
}

func (o *run) close() {
	if o.watch != nil {
		o.watch.Close()
	}
	o.box.Close()
}

// withDefaults fills in what tests may set.
func (cfg Config) withDefaults() Config {
	cfg.first = cmp.Or(cfg.poll, pollFirst)
	poll := pollOnce
	if cfg.Watch {
		poll = pollWatch
	}
	cfg.poll = cmp.Or(cfg.poll, poll)
	cfg.late = cmp.Or(cfg.late, lateLooks)
	cfg.retry = cmp.Or(cfg.retry, retry)
	cfg.drain = cmp.Or(cfg.drain, drain)
	cfg.most = cmp.Or(cfg.most, group.Most)
	if cfg.step == nil {
		cfg.step = func(string) {}
	}
	if cfg.Looked == nil {
		cfg.Looked = func() {}
	}
	return cfg
}

// fatalError ends the run: what is left keeps its place.
type fatalError struct{ cause error }

func (e fatalError) Error() string { return e.cause.Error() }

// fail ends the run with cause, unless it is ending already.
func (o *run) fail(cause error) { o.stop(fatalError{cause}) }

// failed is fail for an error of the outbox itself: where one of its directories
// is broken, that says more.
func (o *run) failed(err error) {
	if broken := o.box.Intact(); errors.As(broken, new(*DirError)) {
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
