package run

import (
	"context"
	"errors"
	"io"
	"regexp"
	"runtime"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/driver/collector"
	"sealpost/services/driver/handon"
	"sealpost/shared/ballast"
	"sealpost/shared/message"
	"sealpost/shared/settings"
	"sealpost/shared/voice"
)

// followOverlap is what a pass compares of the kept manifest, once the pass before
// has compared more.
const followOverlap = 4 << 10

// maxPause bounds the pauses between attempts where there is trouble.
const maxPause = time.Minute

// follower collects again and again. Each pass is a run of its own over what is
// kept on disk, so that memory does not grow with time.
type follower struct {
	base  *driver // what all passes have in common
	watch *collector.Watch

	addresses addresses // where there are several
	overlap   int64     // of the next pass, as collector.Config says; 0: the usual one

	seen    collector.Look // at the last pass that went well
	settled bool           // there was one, and none that went wrong since
	trouble string         // as it was logged last
	pause   time.Duration
	total   collector.Result // of the last pass that went well; New of all
}

// Follow collects until ctx ends, which is no failure: what is under way then is
// gone on with by the next run. It looks every DRIVER_POLL whether there is
// something new, and collects as Run does where there is. Trouble that may pass is
// logged when it begins or changes, and tried again at growing pauses; what cannot
// get well by itself ends it: the error is a *FailedError, or about settings.
func Follow(ctx context.Context, cfg Settings, warnings []string, out, errs io.Writer) error {
	defer runtime.KeepAlive(ballast.New())
	if cfg.Outbox != "" {
		return &settings.Error{Problems: []settings.Problem{{Name: "DRIVER_OUTBOX", Value: cfg.Outbox,
			Rule: "does not go with -follow: it waits for the end of something that has none"}}}
	}
	d, err := prepare(ctx, cfg, warnings, out, errs)
	if err != nil {
		return err
	}
	d.view = newView(d.OutputDir, len(d.pins) > 0)
	if err := d.startHanding(ctx, 0); err != nil {
		return err
	}
	endpoint, err := d.startView(ctx)
	if err != nil {
		d.handing.Finish()
		return err
	}
	defer endpoint.Close()
	f := &follower{base: d, pause: cfg.Poll}
	if f.watch, err = d.watchAt(d.addr); err != nil {
		return err
	}
	defer func() { f.watch.Close() }()
	for err == nil && ctx.Err() == nil {
		if err = f.round(ctx); err == nil {
			pause(ctx, f.pause)
		}
	}
	if err != nil {
		d.failures = []error{err}
		var failed *FailedError
		if errors.As(err, &failed) {
			d.failures = failed.Failures
		}
	}
	for _, failure := range d.finishHanding() {
		if !errors.As(failure, new(*handon.InterruptedError)) { // the next run goes on with it
			d.failures = append(d.failures, failure)
		}
	}
	return d.end(f.total)
}

// round looks once, and collects where there is something to do, at the first address
// that serves. The error is one that cannot get well.
func (f *follower) round(ctx context.Context) error {
	f.goBack(ctx)
	for {
		err := f.try(ctx)
		switch {
		case ctx.Err() != nil:
			return final(err)
		case err == nil:
			f.calm()
			return nil
		case !f.base.several():
			return f.failed(err)
		}
		if over, err := f.elsewhere(err); over {
			return f.failed(err)
		}
	}
}

func (f *follower) failed(err error) error {
	if final(err) != nil {
		return err
	}
	f.worry(err)
	return nil
}

// try looks at the address at hand, and collects where that has something to do.
func (f *follower) try(ctx context.Context) error {
	look, err := f.watch.Look(ctx)
	if err == nil && f.settled && look == f.seen {
		return nil
	}
	if err == nil {
		err = f.pass(ctx)
	}
	f.seen, f.settled = look, err == nil
	return err
}

// pass is one run. A checkpoint that came between the look and the pass is seen by
// the next look, which then collects nothing.
func (f *follower) pass(ctx context.Context) error {
	d, config, err := f.base.at(f.base.addr)
	if err != nil {
		return err
	}
	config.Overlap = f.overlap
	result := d.pass(ctx, config)
	came := f.total.New + result.New
	if result.New > 0 {
		d.log.Info().Uint64("new", result.New).Uint64("files", result.Files).Msg("new files came")
	}
	f.total, f.base.checkpoints, f.base.retired, f.base.audit = result, d.checkpoints, d.retired, d.audit
	f.total.New = came
	if len(d.failures) > 0 {
		return &FailedError{Failures: d.named(d.failures)}
	}
	if !f.settled && f.trouble == "" || result.New > 0 {
		d.log.Info().Uint64("files", result.Files).Msg("up to date")
	}
	f.overlap = followOverlap
	return nil
}

// calm goes back to the usual pause, and says so where there was trouble.
func (f *follower) calm() {
	f.base.view.ended(nil)
	if f.trouble != "" {
		f.base.log.Info().Msg("the trouble is over")
	}
	f.trouble, f.pause = "", f.base.Poll
	f.addresses.serve(f.base)
}

// ports are those of this machine in errors of the network, new in each.
var ports = regexp.MustCompile(`:[0-9]+->`)

func (f *follower) worry(err error) {
	f.base.view.ended(err)
	if text := ports.ReplaceAllString(err.Error(), "->"); text != f.trouble {
		f.trouble = text
		f.base.log.WithLevel(zerolog.WarnLevel).Str("error", message.Visible(err.Error())).Msg("trouble, trying again")
	} else {
		f.pause = max(f.base.Poll, min(2*f.pause, maxPause))
	}
}

// final returns err if trying again cannot help: the server shows another past than
// before, or nobody takes what is printed.
func final(err error) error {
	if contradicts(err) || isAny(err, lagging) {
		return err
	}
	if errors.As(err, new(*voice.OutputError)) || errors.As(err, new(*settings.Error)) {
		return err
	}
	return nil
}
