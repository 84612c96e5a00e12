package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sealpost/services/driver/audit"
	"sealpost/services/driver/collector"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/message"
)

// lagPause is what lies between two turns through the addresses.
const lagPause = time.Second

// AddressError says at which of several addresses something was found.
type AddressError struct {
	Addr  string
	Cause error
}

func (e *AddressError) Error() string { return fmt.Sprintf("FTP server %s: %v", e.Addr, e.Cause) }

// Unwrap returns the cause.
func (e *AddressError) Unwrap() error { return e.Cause }

// lagging are what an address shows that is behind the others. Where there is one
// address it is a rollback.
var lagging = []error{collector.ErrBehind, receipt.ErrLowerSerial, ErrRetiredGone, audit.ErrShort}

// contradicting are what shows another past than before, at any number of addresses.
var contradicting = []error{
	audit.ErrAltered, audit.ErrSplit, ErrCheckpointGone, receipt.ErrSignature, receipt.ErrTakenBack, ErrOtherLogbook,
	ErrNoLogbook, collector.ErrChanged,
}

// standing is what comes of a pass at one of several addresses.
type standing int

const (
	served standing = iota // or failed in a way that no other address mends
	lags
	away
)

func stands(failures []error) standing {
	all := errors.Join(failures...)
	var connect *collector.ConnectError
	switch {
	case contradicts(all):
		return served
	case isAny(all, lagging):
		return lags
	case errors.As(all, &connect):
		return away
	}
	return served
}

func contradicts(err error) bool {
	return isAny(err, contradicting) || errors.As(err, new(*LogbookError))
}

func isAny(err error, causes []error) bool {
	for _, cause := range causes {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// several reports whether there is more than one address.
func (d *driver) several() bool { return len(d.FTPAddr.List()) > 1 }

// named has the failures say at which address they were found.
func (d *driver) named(failures []error) []error {
	var named []error
	for _, failure := range failures {
		if d.several() && (isAny(failure, lagging) || contradicts(failure)) {
			failure = &AddressError{string(d.addr), failure}
		}
		named = append(named, failure)
	}
	return named
}

// turn is what came of going through the addresses once.
type turn struct {
	*driver // of the address that was tried last
	result  collector.Result
	served  bool
	came    uint64 // files, at all of them
	hope    bool   // that another turn helps
}

// turn tries the addresses in their order, until one is not behind and not away.
func (d *driver) turn(ctx context.Context) (t turn) {
	var failures []error
	for _, addr := range d.FTPAddr.List() {
		one, config, err := d.at(addr)
		if err != nil {
			one.failures = []error{err}
			return turn{driver: one, served: true, came: t.came}
		}
		t.driver, t.result = one, one.pass(ctx, config)
		t.came += t.result.New
		how := stands(one.failures)
		one.failures = one.named(one.failures)
		if t.served = how == served || ctx.Err() != nil; t.served {
			if err := errors.Join(one.failures...); ctx.Err() == nil && !contradicts(err) {
				d.log.Info().Str("server", string(addr)).Msg("this address served")
			}
			return t
		}
		d.log.Warn().Str("error", message.Visible(errors.Join(one.failures...).Error())).
			Str("server", string(addr)).
			Msg("this address is behind or away, trying the next one")
		t.hope = t.hope || how == lags || passing(one.failures)
		failures = append(failures, one.failures...)
	}
	t.failures = failures
	return t
}

// passing reports whether an address is away in a way that may pass.
func passing(failures []error) bool {
	var connect *collector.ConnectError
	return errors.As(errors.Join(failures...), &connect) && !connect.Login && !connect.Verify && connect.Dir == ""
}

// anywhere collects from the first address that serves. Where none does it goes
// through all again, for as long as they may lag.
func (d *driver) anywhere(ctx context.Context) (*driver, collector.Result) {
	before := d.failures
	if !d.several() {
		one, config, err := d.at(d.addr)
		if err != nil {
			one.failures = append(before, err)
			return one, collector.Result{}
		}
		result := one.pass(ctx, config)
		one.failures = append(before, one.failures...)
		return one, result
	}
	var until time.Time
	for came := uint64(0); ; {
		t := d.turn(ctx)
		came += t.came
		if until.IsZero() {
			until = time.Now().Add(d.Lag)
		}
		rest := time.Until(until)
		if t.served || !t.hope || rest <= 0 || ctx.Err() != nil {
			t.result.New = came
			t.failures = append(before, t.failures...)
			return t.driver, t.result
		}
		pause(ctx, min(lagPause, rest))
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
