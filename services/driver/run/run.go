// Package run is one run of the driver: wait for the outbox, collect, print
// what is new, check the receipts, sum up; or one after the other, as new files come.
//
// Guaranteed: Run returns nil only if every log file of the manifest was collected, in
// this run or an earlier one, and handed on, where that is set, or given up by
// collector.Forget or handon.Forget, or is gone and on the list of retired messages
// that the server's identity signed, and, where an outbox is set, nothing was left or
// refused in it and every receipt in it, of the logbook that the server shows, is
// true; those of other logbooks are counted. With the server's identity set it is
// moreover nil only if the manifest has every tree that the server signed: in its
// checkpoint, in the one kept in an earlier run, in those receipts, and takes back
// nothing of that list; and nothing is handed on before a checkpoint has shown it to
// be signed. The newest checkpoint and list that were found true are kept beside the
// log files; where the server shows another logbook than theirs, or than the one that
// was accepted, nothing is collected. What is printed has its control characters made visible and a mark
// before each line, so that no message can pass for another file or for the driver's
// own words; what is on disk stays byte for byte.
package run

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"sealpost/services/driver/audit"
	"sealpost/services/driver/collector"
	"sealpost/services/driver/handon"
	"sealpost/services/driver/receipts"
	"sealpost/shared/ballast"
	"sealpost/shared/logging"
	"sealpost/shared/progress"
	"sealpost/shared/settings"
	"sealpost/shared/signals"
)

// FailedError is a run that went to its end, or as far as it could, and found
// something wrong.
type FailedError struct {
	Failures []error // at least one
}

// Error returns one line for each failure.
func (e *FailedError) Error() string {
	var lines []string
	for _, failure := range e.Failures {
		lines = append(lines, strings.ReplaceAll(failure.Error(), "\n", ": "))
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the failures.
func (e *FailedError) Unwrap() []error { return e.Failures }

// driver is one run.
type driver struct {
	Settings
	addr        settings.Address // the one at hand
	log         zerolog.Logger
	screen      *progress.Screen
	out         io.Writer
	start       time.Time
	audit       *audit.Audit
	checkpoints *checkpoints    // nil without an identity
	retired     *retired        // as well
	waited      bool            // for the outbox: its receipts are to be checked
	receipts    *receipts.Set   // nil without an outbox
	handing     *handon.Handing // nil where nothing is handed on
	view        *view           // nil unless it follows
	failures    []error
}

// Run runs the driver with its settings. Printed files and the summary go to
// out, log lines and progress to errs. The error is a *FailedError, or about
// settings: a *settings.Error.
func Run(ctx context.Context, cfg Settings, warnings []string, out, errs io.Writer) error {
	defer runtime.KeepAlive(ballast.New())
	d, err := prepare(ctx, cfg, warnings, out, errs)
	if err != nil {
		return err
	}
	if err := d.waitForOutbox(ctx); err != nil {
		return err
	}
	if err := d.startHanding(ctx, attempts); err != nil {
		return err
	}
	d, result := d.anywhere(ctx)
	d.failures = append(d.failures, d.finishHanding()...)
	return d.end(result)
}

// prepare checks the settings and begins the log.
func prepare(ctx context.Context, cfg Settings, warnings []string, out, errs io.Writer) (*driver, error) {
	if problems := cfg.Check(); len(problems) > 0 {
		return nil, &settings.Error{Problems: problems}
	}
	d := &driver{Settings: cfg, out: out, screen: progress.NewScreen(errs), start: time.Now()}
	log, err := logging.New(d.screen, cfg.LogLevel, cfg.LogFormat)
	if err != nil {
		return nil, err
	}
	d.log = log
	signals.LogHangups(ctx, log)
	settings.Announce(log, zerolog.InfoLevel, Prefix, &d.Settings, warnings,
		map[string]string{Prefix + "_SERVER_IDENTITY": d.pins.String()})
	d, _, err = d.at(cfg.FTPAddr.List()[0])
	return d, err
}

// at returns a run of the same settings, at that address, that has seen nothing yet.
func (d *driver) at(addr settings.Address) (*driver, collector.Config, error) {
	fresh := *d
	fresh.addr = addr
	if d.waited { // those that another run has compared are used up
		fresh.receipts = receipts.Load(d.Outbox, d.pins)
	}
	fresh.audit, fresh.checkpoints, fresh.retired, fresh.failures = audit.New(), nil, nil, nil
	if len(d.pins) > 0 {
		fresh.checkpoints = &checkpoints{pins: d.pins, audit: fresh.audit}
		fresh.retired = &retired{beside: fresh.checkpoints}
	}
	config, err := fresh.collectorConfig()
	return &fresh, config, err
}

// waitForOutbox waits until the receipts can be read. Files that were left are a
// failure, but what is there can still be collected.
func (d *driver) waitForOutbox(ctx context.Context) error {
	if d.Outbox == "" {
		return nil
	}
	d.log.Info().Str("outbox", d.Outbox).Msg("waiting for the outbox to become empty")
	messages := receipts.Messages{Ignored: d.OutboxIgnore, Recursive: d.OutboxRecursive}
	err := receipts.Wait(ctx, d.Outbox, messages, d.Timeout)
	var unsent *receipts.UnsentError
	if errors.As(err, &unsent) {
		d.failures = append(d.failures, err)
		err = nil
	}
	if err != nil {
		return &FailedError{Failures: []error{err}}
	}
	d.waited = true
	return nil
}

// take looks at the server's checkpoint, and then at the receipts of its logbook.
func (d *driver) take(text []byte, err error) (lines uint64, stop error) {
	if err := d.checkpoints.take(text, err); err != nil {
		return 0, err
	}
	d.view.signs(d.checkpoints.fetched)
	if d.receipts == nil {
		return d.audit.Longest(), nil
	}
	if origin := d.checkpoints.origin(); origin != "" {
		d.receipts.Only(origin)
	}
	if d.NeedReceipts {
		if err := d.receipts.None(); err != nil {
			d.failures = append(d.failures, err)
		}
	}
	for _, head := range d.receipts.Heads() {
		d.audit.Expect(head)
	}
	return d.audit.Longest(), nil
}

// pass collects once and notes what failed.
func (d *driver) pass(ctx context.Context, cfg collector.Config) collector.Result {
	d.tellHanding(&cfg)
	d.view.tell(&cfg)
	if d.receipts != nil {
		cfg.Signed = d.receipts.Signed
	}
	stop := d.screen.Show(progress.Work{Unit: "files", Count: func() progress.Count {
		done, all := cfg.Progress.Files()
		return progress.Count{Done: done, All: all, Bytes: cfg.Progress.Bytes()}
	}})
	result, err := collector.Collect(ctx, cfg)
	stop()
	d.failures = append(d.failures, result.Failures...)
	d.judge(err == nil)
	if err != nil {
		d.failures = append(d.failures, err)
	}
	return result
}

// end sums up, and returns the failures.
func (d *driver) end(result collector.Result) error {
	d.log.Info().Uint64("files", result.Files).Uint64("new", result.New).
		Uint64("bytes", result.Bytes).Int("failures", len(d.failures)).Msg("finished")
	if err := d.summary(result); err != nil {
		d.failures = append(d.failures, err)
	}
	if len(d.failures) > 0 {
		return &FailedError{Failures: d.failures}
	}
	return nil
}

// judge lists what signatures say against the manifest. Without whole it was not
// read to its end.
func (d *driver) judge(whole bool) {
	if d.checkpoints != nil {
		d.failures = append(d.failures, d.checkpoints.failures...)
		d.failures = append(d.failures, d.retired.failures...)
	}
	findings := d.audit.Findings(whole)
	d.failures = append(d.failures, findings...)
	if len(findings) == 0 {
		d.handing.Allow(d.checkpoints.signed())
	}
	if d.receipts == nil {
		return
	}
	d.failures = append(d.failures, d.receipts.Failures()...)
	if whole {
		d.failures = append(d.failures, d.receipts.Unmatched()...)
	}
}

// each prints a new log file and checks the receipts of its message.
func (d *driver) each(item collector.Item) error {
	if d.receipts != nil {
		d.receipts.Match(item)
	}
	if !item.New {
		return nil
	}
	d.view.came()
	return d.screen.Hold(func() error { return d.print(item) })
}
