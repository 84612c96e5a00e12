package volumes

import (
	"context"
	"crypto/rand"
	"errors"
	"math"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/server/logbook/local"
	"sealpost/services/server/logbook/local/retire"
	"sealpost/services/server/state"
	"sealpost/shared/durable"
	"sealpost/shared/numbers"
)

// Retired is what an order came to.
type Retired struct {
	Numbers numbers.Set // that were not retired before
	Bytes   uint64      // of the files that went
}

var (
	// ErrNotTaken means that a server has the log volume and does not take orders.
	ErrNotTaken = errors.New("a server has the log volume and does not take the order; nothing was retired")
	// ErrNotRunning means that only a running server may carry the order out, and none has the
	// log volume.
	ErrNotRunning = errors.New("the server is not running; nothing was retired")
	// ErrUnanswered means that a server has taken an order, and what came of it is not known.
	ErrUnanswered = errors.New("the server has taken the order, and has not said what came of it")
)

// RefusedError is why a running server did not do what it was asked for.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return "the server says: " + e.Reason }

const (
	answerEvery   = 50 * time.Millisecond
	lockEvery     = 20               // looks for an answer, before it is looked whether the server still runs
	orderPatience = 30 * time.Second // for a running server to take an order
)

// Retire has messages retired: by the server that has the log volume, or here where
// none has, unless others have the same logbook: then it is onlyServer's. The error may be a
// *local.NotKeptError, a *local.RangesError, a *RefusedError, ErrNotTaken, ErrNotRunning or
// ErrUnanswered, or one of a start.
func Retire(
	ctx context.Context, dir string, st *state.State, which state.RetireOrder, onlyServer bool,
) (done Retired, err error) {
	orders, err := takeOrders(ctx, st)
	if err != nil {
		return Retired{}, err
	}
	defer func() { err = errors.Join(err, orders.Close()) }()
	which.ID = rand.Text()
	e := &errand{dir: dir, st: st, orders: orders, order: which, onlyServer: onlyServer, patience: orderPatience}
	return e.run(ctx)
}

// takeOrders waits while another command gives orders.
func takeOrders(ctx context.Context, st *state.State) (*state.Orders, error) {
	for {
		orders, err := st.Orders()
		if !errors.Is(err, durable.ErrLocked) {
			return orders, err
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

func pause(ctx context.Context) error {
	select {
	case <-time.After(answerEvery):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// errand is one order on its way.
type errand struct {
	dir    string
	st     *state.State
	orders *state.Orders
	order  state.RetireOrder
	given  time.Time // zero: it was not
	looks  int       // since then
	taken  bool

	onlyServer bool          // it is not carried out here
	patience   time.Duration // for a server to take it
}

// run looks in turn whether an answer is there, and whether a server still is.
func (e *errand) run(ctx context.Context) (Retired, error) {
	for {
		answer, there, err := e.look()
		switch {
		case err != nil:
			return Retired{}, err
		case there && !answer.Taken:
			return resultOf(answer)
		case there:
			e.taken = true
		}
		lock, err := e.lock()
		switch {
		case err == nil && !e.taken && e.onlyServer:
			return Retired{}, errors.Join(e.notRunning(), lock.Close())
		case err == nil && !e.taken:
			return e.here(ctx, lock)
		case err == nil:
			return Retired{}, errors.Join(ErrUnanswered, lock.Close())
		case !errors.Is(err, durable.ErrLocked):
			return Retired{}, err
		case e.given.IsZero():
			e.given = time.Now()
			err = e.orders.Give(e.order)
		case !e.taken && time.Since(e.given) > e.patience:
			err = e.giveUp()
		default:
			err = nil
		}
		if err == nil {
			if err = pause(ctx); err != nil {
				err = e.abandon(err)
			}
		}
		if err != nil {
			return Retired{}, err
		}
	}
}

// abandon withdraws the order before the command ends for a cause of its own.
func (e *errand) abandon(cause error) error {
	if e.given.IsZero() {
		return cause
	}
	withdrawn, err := e.orders.Withdraw()
	if err == nil && !withdrawn {
		err = ErrUnanswered
	}
	return errors.Join(err, cause)
}

// notRunning is ErrNotRunning, unless a server took the order and has ended since.
func (e *errand) notRunning() error {
	if e.given.IsZero() {
		return ErrNotRunning
	}
	withdrawn, err := e.orders.Withdraw()
	switch {
	case err != nil:
		return err
	case !withdrawn:
		return ErrUnanswered
	}
	return ErrNotRunning
}

// giveUp withdraws the order, unless a server takes it in the last moment.
func (e *errand) giveUp() error {
	withdrawn, err := e.orders.Withdraw()
	if err == nil && withdrawn {
		err = ErrNotTaken
	}
	e.taken = !withdrawn
	return err
}

// lock takes the log volume. durable.ErrLocked means that a server has it.
func (e *errand) lock() (*durable.FileLock, error) {
	e.looks++
	if !e.given.IsZero() && e.looks%lockEvery > 0 {
		return nil, durable.ErrLocked
	}
	return local.Lock(e.dir)
}

func (e *errand) look() (answer state.RetireAnswer, there bool, err error) {
	if e.given.IsZero() {
		return answer, false, nil
	}
	return e.orders.Answer(e.order.ID)
}

// here does it in this process, which has the log volume for as long. Parts of messages
// that were cut off stay for the next server, however old they are.
func (e *errand) here(ctx context.Context, lock *durable.FileLock) (done Retired, err error) {
	defer func() { err = errors.Join(err, lock.Close()) }()
	cfg, err := configOf(local.Config{Dir: e.dir, Lock: lock, Log: zerolog.Nop(), KeepParts: math.MaxInt64}, e.st)
	if err != nil {
		return Retired{}, err
	}
	book, err := local.Open(cfg)
	if err != nil {
		return Retired{}, err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	end := time.Now().Add(orderPatience)
	for errors.Is(book.Retirer.Ready(), retire.ErrNotYet) && time.Now().Before(end) {
		if err := pause(ctx); err != nil {
			return Retired{}, err
		}
	}
	r := alone{book.Retirer}
	which, err := ordered(r, e.order)
	if err != nil {
		return Retired{}, err
	}
	return carryOutRetire(r, which, nil)
}

// answerOf and resultOf take an outcome from the server to the command.
func answerOf(id string, done Retired, err error) state.RetireAnswer {
	a := state.RetireAnswer{ID: id, Bytes: done.Bytes, Numbers: done.Numbers.Join(",")}
	var notKept *local.NotKeptError
	var ranges *local.RangesError
	switch {
	case errors.As(err, &notKept):
		a.Next = &notKept.Next
		a.Numbers = notKept.Numbers.Join(",")
	case errors.As(err, &ranges):
		a.Ranges = ranges.Ranges
	case err != nil:
		a.Error = err.Error()
	}
	return a
}

func resultOf(a state.RetireAnswer) (done Retired, err error) {
	done.Bytes = a.Bytes
	if a.Numbers != "" {
		if done.Numbers, err = numbers.Parse(a.Numbers); err != nil {
			return Retired{}, err
		}
	}
	switch {
	case a.Next != nil:
		return Retired{}, &local.NotKeptError{Numbers: done.Numbers, Next: *a.Next}
	case a.Ranges > 0:
		return Retired{}, &local.RangesError{Ranges: a.Ranges}
	case a.Error != "":
		return done, &RefusedError{a.Error}
	}
	return done, nil
}
