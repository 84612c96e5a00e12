package run

import (
	"context"
	"errors"
	"time"

	"sealpost/services/driver/collector"
	"sealpost/shared/message"
	"sealpost/shared/settings"
)

// backAfter is after how many pauses a driver that follows looks whether the first
// address is back.
const backAfter = 6

// addresses is how a follower goes through several addresses.
type addresses struct {
	at     int              // in the list
	moved  time.Time        // to the one at hand, or since the first was looked for
	tried  []error          // at those before it, since one served
	behind int              // of those
	since  time.Time        // when all were found to be behind, one after the other
	last   settings.Address // that served
}

// notYetError hides its causes: what may still get well at one of the addresses is not final.
type notYetError struct{ error }

// serve notes that the address at hand served, and says so where another did before.
func (a *addresses) serve(d *driver) {
	a.tried, a.behind, a.since = nil, 0, time.Time{}
	if d.several() && a.last != d.addr {
		a.last = d.addr
		d.log.Info().Str("server", string(d.addr)).Msg("this address served")
	}
}

// watchAt watches an address.
func (d *driver) watchAt(addr settings.Address) (*collector.Watch, error) {
	_, config, err := d.at(addr)
	if err != nil {
		return nil, err
	}
	return collector.NewWatch(config), nil
}

// move goes to an address of the list.
func (f *follower) move(to int) error {
	addr := f.base.FTPAddr.List()[to]
	watch, err := f.base.watchAt(addr)
	if err != nil {
		return err
	}
	f.watch.Close()
	f.watch, f.base.addr, f.settled = watch, addr, false
	f.addresses.at, f.addresses.moved = to, time.Now()
	return nil
}

// goBack goes to the first address again where it can be had: the others may be
// copies that come later.
func (f *follower) goBack(ctx context.Context) {
	a := &f.addresses
	if a.at == 0 || time.Since(a.moved) < backAfter*f.base.Poll {
		return
	}
	a.moved = time.Now()
	watch, err := f.base.watchAt(f.base.FTPAddr.List()[0])
	if err != nil {
		return // it is said where the address is in use
	}
	defer watch.Close()
	if _, err := watch.Look(ctx); err == nil {
		_ = f.move(0) // as above
	}
}

// elsewhere goes on with the next address after an error at the one at hand. It is over
// where that cannot help, or all were tried: then the error is that of all.
func (f *follower) elsewhere(err error) (over bool, all error) {
	a := &f.addresses
	how := stands([]error{err})
	if how == served && final(err) != nil {
		return true, err
	}
	if how == lags {
		a.behind++
	}
	f.base.log.Debug().Str("error", message.Visible(err.Error())).Str("server", string(f.base.addr)).
		Msg("this address does not serve, trying the next one")
	a.tried = append(a.tried, err)
	list := f.base.FTPAddr.List()
	if err := f.move((a.at + 1) % len(list)); err != nil {
		return true, err
	}
	if len(a.tried) < len(list) {
		return false, nil
	}
	return true, a.turned(len(list), f.base.Lag)
}

// turned ends a turn through all addresses. What is behind is final only where all of
// them are, and were for so long.
func (a *addresses) turned(n int, most time.Duration) error {
	var all []error
	for _, err := range a.tried {
		var failed *FailedError
		if errors.As(err, &failed) {
			all = append(all, failed.Failures...)
		} else {
			all = append(all, err)
		}
	}
	switch {
	case a.behind < n:
		a.since = time.Time{}
	case a.since.IsZero():
		a.since = time.Now()
	}
	late := !a.since.IsZero() && time.Since(a.since) >= most
	a.tried, a.behind = nil, 0
	if late {
		return &FailedError{Failures: all}
	}
	return notYetError{errors.Join(all...)}
}
