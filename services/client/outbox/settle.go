package outbox

import (
	"context"
	"errors"
	"io"

	"sealpost/services/client/courier"
	"sealpost/shared/crypto/cipher2012"
	"sealpost/shared/durable"
	"sealpost/shared/message"
)

// unfitError means that a message can never be sent as it is: it goes to refused.
type unfitError struct{ cause error }

func (e unfitError) Error() string { return e.cause.Error() }

var errChanged = errors.New("the file changed after it was first offered")

// settle brings one claimed message as far as it goes: to sent, to refused, or
// to a stop where it is.
func (o *run) settle(ctx context.Context, c *claim) {
	defer c.closeFile()
	rec, err := o.describe(c)
	logbook := ""
	if err == nil {
		logbook, err = o.checkLogbook(ctx)
	}
	var d courier.Delivery
	sentBefore := o.sentSoFar()
	if err == nil {
		err = o.hasPlace()
	}
	if err == nil {
		d, err = o.Deliver(ctx, o.message(c, rec, logbook))
	}
	var read *courier.ReadError
	if errors.As(err, &read) {
		err = o.reread(c, rec, err)
	}
	if err == nil {
		o.step("delivered")
		err = o.finish(c, d)
	}
	if err != nil {
		o.giveUp(c, sentBefore, err)
	}
}

// giveUp does what an error asks for.
func (o *run) giveUp(c *claim, sentBefore int, err error) {
	var refusal *courier.RefusalError
	var other *LogbookError
	var changed *courier.LogbookError
	if errors.As(err, &changed) {
		err = &LogbookError{Dir: o.Dir, Known: changed.Want, Server: changed.Got}
	}
	switch {
	case errors.As(err, new(unfitError)):
		o.refuse(c, err.Error())
	case errors.As(err, &refusal) && refusal.Of == courier.OfMessage:
		o.refuse(c, refusal.Error())
	case errors.As(err, &refusal), errors.As(err, &other):
		o.fail(err)
	case errors.As(err, new(storageError)):
		o.failed(err)
	case errors.As(err, new(*courier.PostponedError)):
		o.leaveClaim(c, err, true)
	case errors.As(err, new(*courier.ReadError)), errors.As(err, new(*ForeignError)),
		errors.As(err, new(*RecordError)), errors.Is(err, ErrNoPassword):
		o.leaveClaim(c, err, false)
	default:
		o.unknown(c, sentBefore, err)
	}
}

// storageError means that the outbox itself could not be written.
type storageError struct{ cause error }

func (e storageError) Error() string { return e.cause.Error() }
func (e storageError) Unwrap() error { return e.cause }

// describe returns the claim's record, made now if there is none. On return
// claim and record are durable: only then may the message be offered.
func (o *run) describe(c *claim) (record, error) {
	rec, have, err := readRecord(c)
	if err != nil {
		return record{}, err
	}
	if !have {
		if err := message.CheckName(c.name); err != nil {
			return record{}, unfitError{err}
		}
		if len(c.name) > maxStem {
			return record{}, unfitError{errStem}
		}
	}
	if have && rec.Sender != o.Sender {
		return record{}, &ForeignError{Sender: rec.Sender}
	}
	if have && rec.Cipher == message.Cipher2012 && o.Key == nil {
		return record{}, ErrNoPassword
	}
	size, sum, err := o.open(c, have)
	var never unfitError
	switch {
	case errors.As(err, &never):
		return record{}, never
	case err != nil:
		return record{}, &courier.ReadError{Name: c.name, Cause: err}
	case have && (size != rec.Size || sum != rec.SHA256):
		return record{}, unfitError{errChanged}
	}
	if !have {
		rec = record{V: recordVersion, ID: c.id, Sender: o.Sender, Name: c.name, Cipher: o.cipher(), Size: size, SHA256: sum}
		if err := rec.write(c.dir, o.box.heir); err != nil {
			return record{}, storageError{err}
		}
		o.step("recorded")
	}
	return rec, o.anchor(c)
}

// hasPlace makes sure, at the last point where nothing has happened yet, that the
// message's receipt can be kept.
func (o *run) hasPlace() error {
	if err := o.intact(); err != nil {
		return storageError{err}
	}
	return nil
}

// anchor makes the claim's own name durable, and that the file left DIR:
// otherwise a power cut could bring a message back that was sent already.
func (o *run) anchor(c *claim) error {
	for _, dir := range []*durable.Dir{c.in, o.box.root} {
		if err := dir.Sync(); err != nil {
			return storageError{err}
		}
	}
	o.step("anchored")
	return nil
}

func (o *run) cipher() message.Cipher {
	if o.Key != nil {
		return message.Cipher2012
	}
	return message.None
}

func (o *run) message(c *claim, rec record, logbook string) courier.Message {
	var key cipher2012.Key
	if rec.Cipher == message.Cipher2012 {
		key = *o.Key
	}
	return courier.Message{
		ID: rec.ID, Name: rec.Name, Cipher: rec.Cipher, Key: key, Size: rec.Size, SHA256: rec.SHA256,
		Logbook:  logbook, // it may be another one after a reconnection
		Postpone: true,    // others may go
		Open:     func() (io.ReadSeekCloser, error) { return c.reader(), nil },
	}
}

// reread finds out whether the bytes changed or only could not be read.
func (o *run) reread(c *claim, rec record, cause error) error {
	size, sum, err := measure(c.file)
	if err == nil && (size != rec.Size || sum != rec.SHA256) {
		return unfitError{errChanged}
	}
	return cause
}
