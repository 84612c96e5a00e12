package outbox

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"sealpost/services/client/courier"
	"sealpost/services/client/outbox/box"
	"sealpost/services/client/outbox/days"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/digest"
	"sealpost/shared/durable"
	"sealpost/shared/message"
)

// resendLock, in .sending, keeps two clients from sending again at once: each would
// set the other's receipts aside.
const resendLock = ".resend.lock"

// ErrResending means that another client is sending again.
var ErrResending = errors.New("another client is sending again what was sent from this outbox")

// ErrNotAsSent means that a file in sent is not what was sent under its receipt.
var ErrNotAsSent = errors.New("the file is not the message that its receipt is of")

// ErrNoReceipt is [days.ErrNoReceipt].
var ErrNoReceipt = days.ErrNoReceipt

// Resend offers once more what lies in DIR/sent and was received at a time or later,
// by its receipts: a server that was restored from a copy may have lost it. Ids stay,
// so that a server that has a message answers with what it knows and makes no double.
// A receipt that says something else than the one in DIR/sent takes its place, and
// that one is set aside: [days.Place.Supersede]. Nothing else changes in DIR, and
// other clients may send from it meanwhile. Stopped, or killed, it is to be called
// again.
//
// Outcome counts in Sent what has its receipt, and in Renewed those of them that have
// another one than before; a message that is refused is among those left. The error is
// one of Run's, or ErrResending.
func Resend(ctx context.Context, cfg Config, since time.Time) (Outcome, error) {
	o, err := start(cfg)
	if err != nil {
		return Outcome{}, err
	}
	defer o.close()
	lock, err := o.box.Lock(o.box.Place(box.Sending), resendLock, (*durable.Dir).TryLock)
	if errors.Is(err, durable.ErrLocked) {
		err = ErrResending
	}
	if err != nil {
		return Outcome{}, err
	}
	defer lock.Close()
	r := &resending{run: o, began: time.Now()}
	if r.logbook, err = o.checkLogbook(ctx); err == nil {
		err = o.sentPlace().Since(ctx, since, r.most(), func(in *durable.Dir, some []days.Delivered) error {
			return r.some(ctx, in, some)
		})
	}
	if ctx.Err() != nil {
		r.outcome.Stopped, err = true, nil
	}
	return r.outcome, err
}

// resending is one Resend under way. The outcome is its own goroutine's.
type resending struct {
	*run
	logbook string
	began   time.Time
}

// resent is what became of a message.
type resent struct {
	days.Delivered
	delivery courier.Delivery
	err      error
}

// most is how many messages go together: two receipts of each are open at once.
func (r *resending) most() int { return max(1, min(cap(r.slots), r.mostOpen/4)) }

// some offers messages in one folder, all at once, and keeps their receipts.
func (r *resending) some(ctx context.Context, in *durable.Dir, some []days.Delivered) error {
	results := make([]resent, len(some))
	var all errgroup.Group
	for i, m := range some {
		all.Go(func() error {
			d, err := r.offer(ctx, in, m)
			results[i] = resent{m, d, err}
			return nil
		})
	}
	_ = all.Wait()
	if err := r.keep(in, results); err != nil {
		return err
	}
	return r.judge(ctx, results)
}

// offer sends a message again, if it is the one that was sent.
func (r *resending) offer(ctx context.Context, in *durable.Dir, m days.Delivered) (d courier.Delivery, err error) {
	open := func() (io.ReadSeekCloser, error) { return in.Open(m.File, os.O_RDONLY, 0) }
	switch {
	case m.Err != nil:
		return d, m.Err
	case m.Entry.Sender != r.Sender:
		return d, &ForeignError{Sender: m.Entry.Sender}
	case m.Entry.Cipher == message.Cipher2012 && r.Key == nil:
		return d, ErrNoPassword
	}
	if err := asSent(open, m); err != nil {
		return d, err
	}
	var key cipher2012.Key
	if m.Entry.Cipher == message.Cipher2012 {
		key = *r.Key
	}
	return r.Deliver(ctx, courier.Message{
		ID: m.Entry.ID, Name: m.Entry.Name, Cipher: m.Entry.Cipher, Key: key, Size: m.Entry.Size, SHA256: m.Entry.SHA256,
		Logbook: r.logbook, Postpone: true, Open: open,
	})
}

func asSent(open func() (io.ReadSeekCloser, error), m days.Delivered) error {
	body, err := open()
	if err != nil {
		return &courier.ReadError{Name: m.Entry.Name, Cause: err}
	}
	defer body.Close()
	size, sum, err := digest.Of(body)
	switch {
	case err != nil:
		return &courier.ReadError{Name: m.Entry.Name, Cause: err}
	case size != m.Entry.Size || sum != m.Entry.SHA256:
		return ErrNotAsSent
	}
	return nil
}

// keep puts receipts in place that say something else than those before.
func (r *resending) keep(in *durable.Dir, results []resent) error {
	var renewals []days.Renewal
	for _, m := range results {
		if m.err == nil && !receipt.SaysTheSame(m.Receipt, m.delivery.Receipt) {
			renewals = append(renewals, days.Renewal{Delivered: m.Delivered, Text: m.delivery.Receipt})
		}
	}
	if len(renewals) == 0 {
		return nil
	}
	if err := r.box.Intact(); err != nil {
		return err
	}
	opened, err := in.Again() // before anything is written
	if err != nil {
		return err
	}
	defer opened.Close()
	steps := []string{"renewed", "superseded"}
	err = r.sentPlace().Supersede(in, renewals, r.began, func(files []*os.File, dirs []*durable.Dir) error {
		r.step(steps[0])
		steps = steps[1:]
		return r.flusher.Flush(durable.Group{Opened: opened, Files: files, Dirs: dirs, Bytes: bytesOf(renewals)})
	})
	if err == nil {
		r.step("resent")
		r.outcome.Renewed += len(renewals)
	}
	return err
}

func bytesOf(renewals []days.Renewal) (n uint64) {
	for _, r := range renewals {
		n += uint64(len(r.Text) + len(r.Receipt))
	}
	return n
}

// judge counts results, and tells of them. The error ends the whole: it is about more
// than one message, or nothing has come through.
func (r *resending) judge(ctx context.Context, results []resent) error {
	var fatal, unknown error
	sent := 0
	for _, m := range results {
		var refusal *courier.RefusalError
		var changed *courier.LogbookError
		switch {
		case m.err == nil:
			sent++
			r.settled(Result{ID: m.Entry.ID, Name: m.Entry.Name, Delivery: m.delivery,
				Receipt: filepath.Join(r.sentPlace().Dir.Path(), m.Path+receipt.FileSuffix)})
		case errors.As(m.err, &refusal) && refusal.Of == courier.OfConnection:
			fatal = m.err
		case errors.As(m.err, &changed):
			fatal = &LogbookError{Dir: r.Dir, Known: changed.Want, Server: changed.Got}
		case ctx.Err() != nil:
		case errors.As(m.err, new(*courier.UnknownError)):
			unknown = m.err
			fallthrough
		default:
			r.outcome.Left = append(r.outcome.Left, leftOf(m))
		}
	}
	if r.outcome.Sent += sent; sent > 0 {
		unknown = nil
	}
	return cmp.Or(fatal, unknown)
}

// leftOf is a message that was not sent again.
func leftOf(m resent) Left {
	name := m.Entry.Name
	if name == "" {
		name = m.Path
	}
	return Left{ID: m.Entry.ID, Name: name, Err: m.err}
}
