package cli

import (
	"errors"
	"fmt"

	"sealpost/services/client/courier"
	"sealpost/shared/message"
)

// What became of a message, as results name it.
const (
	outcomeSent    = "sent"    // it has its receipt, or the 2012 wire closed normally
	outcomeRefused = "refused" // for good
	outcomeUnknown = "unknown" // whether it is delivered; sending it again under its id settles it
	outcomeFailed  = "failed"  // here, before the server could have it
	outcomeLeft    = "left"    // in the outbox, for a later call
)

// result is what became of one message. Its fields in JSON keep their names and
// meanings; there may come to be others. What is not known is left out.
type result struct {
	Outcome string  `json:"outcome"`
	ID      string  `json:"id,omitempty"`
	Number  *uint64 `json:"number,omitempty"`
	File    string  `json:"file,omitempty"` // log file on the server
	Name    string  `json:"name,omitempty"`
	Size    *uint64 `json:"size,omitempty"`
	Source  string  `json:"source,omitempty"`  // FILE, as the command line has it
	Receipt string  `json:"receipt,omitempty"` // path of the kept receipt
	Reason  string  `json:"reason,omitempty"`
}

// of fills in what is known of a message before it is sent.
func (r *result) of(m courier.Message) {
	r.ID, r.Name, r.Size = m.ID.String(), m.Name, &m.Size
}

// sent fills in what the receipt says.
func (r *result) sent(d courier.Delivery) {
	e := d.Entry
	r.ID, r.Number, r.File, r.Name, r.Size = e.ID.String(), &e.Seq, e.File, e.Name, &e.Size
}

// judge fills in how the message ended: in err.
func (r *result) judge(err error) {
	var again *againError
	switch {
	case err == nil:
		r.Outcome = outcomeSent
		return
	case errors.As(err, new(*receiptError)):
		r.Outcome = outcomeSent
	case status(err) == exitRefused:
		r.Outcome = outcomeRefused
	case status(err) == exitUnknown:
		r.Outcome = outcomeUnknown
	default:
		r.Outcome = outcomeFailed
	}
	if errors.As(err, &again) {
		err = again.cause // without the id, which has a field
	}
	r.Reason = err.Error()
}

// line is the one for people.
func (r *result) line() string {
	if r.Number == nil {
		return "sent, closed normally"
	}
	return fmt.Sprintf("%d %s %s %s", *r.Number, r.File, r.ID, message.Visible(r.Name))
}

// told is what Err gets where the line could not be printed, so that nobody sends
// the message again under a new id.
func (r *result) told() string {
	if r.Number == nil {
		return "the message was sent, and the connection closed normally"
	}
	return "the message has its receipt: " + r.line()
}

// object is the result in JSON, with its line end. What a terminal would obey is
// escaped, which changes nothing of what the text means.
func (r *result) object() ([]byte, error) { return message.JSON(r) }

// text is what is printed of a result: its object, or its line.
func (r *result) text(asJSON bool) ([]byte, error) {
	if asJSON {
		return r.object()
	}
	return []byte(r.line() + "\n"), nil
}

// ended tells what became of a message, and returns err with the error of telling.
func (r *runner) ended(res result, err error) error {
	res.judge(err)
	return errors.Join(err, r.report(res))
}

// report prints a result: with -json each, else those sent, and with -quiet none.
func (r *runner) report(res result) error {
	if !r.json && (r.quiet || res.Outcome != outcomeSent) {
		return nil
	}
	text, err := res.text(r.json)
	if err != nil {
		return err
	}
	err = r.screen.Hold(func() error {
		_, err := r.Out.Write(text)
		return err
	})
	if err != nil && res.Outcome == outcomeSent {
		speak.Remark(r.Err, []string{res.told()})
	}
	return err
}
