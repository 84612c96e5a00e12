package cli

import (
	"context"
	"errors"
	"strings"

	"sealpost/services/client/courier"
	"sealpost/shared/message"
	"sealpost/shared/progress"
)

// sendOne sends one file and waits for its receipt.
func (r *runner) sendOne(ctx context.Context) error {
	res := result{Source: r.file}
	err := r.deliver(ctx, &res)
	return r.ended(res, err)
}

// deliver is sendOne without telling.
func (r *runner) deliver(ctx context.Context, res *result) error {
	src, err := r.source(ctx)
	if err != nil {
		return err
	}
	defer src.close()
	m := courier.Message{
		ID: r.id, Name: src.name, Cipher: message.None, Size: src.size, SHA256: src.sha256, Open: src.open,
	}
	if r.name != "" {
		m.Name = r.name
	}
	if err := message.CheckName(m.Name); err != nil {
		return &usageError{rule: err.Error(), hint: "-name NAME gives the message another one; " + nameRule}
	}
	if m.ID == (message.ID{}) {
		m.ID = message.NewID()
	}
	if key := r.key(); key != nil {
		m.Cipher, m.Key = message.Cipher2012, *key
	}
	res.of(m)
	d, err := r.deliverShown(ctx, m)
	if errors.As(err, new(*courier.UnknownError)) || errors.As(err, new(*courier.PostponedError)) {
		return &againError{id: m.ID, command: r.command(m.ID), cause: err}
	}
	if err != nil {
		return err
	}
	res.sent(d)
	if err := r.keepReceipt(m.ID, d.Receipt); err != nil {
		return err
	}
	res.Receipt = r.receipt
	return nil
}

// deliverShown shows how much of a message is on its way, where it is the only one.
func (r *runner) deliverShown(ctx context.Context, m courier.Message) (courier.Delivery, error) {
	if len(r.files) > 0 {
		return r.carrier.Deliver(ctx, m)
	}
	one := *r
	_, stop := one.progress("", func(c *counting) progress.Count { return progress.Count{Done: c.bytes(), All: m.Size} })
	defer stop()
	return one.carrier.Deliver(ctx, m)
}

// send2012 sends one file over the 2012 wire, which knows no receipts.
func (r *runner) send2012(ctx context.Context) error {
	err := r.deliver2012(ctx)
	return r.ended(result{Source: r.file}, err)
}

func (r *runner) deliver2012(ctx context.Context) error {
	r.log.Warn().Msg("the 2012 wire protects nothing: the key travels with the message")
	in, closeIn, err := r.stream(ctx)
	if err != nil {
		return err
	}
	defer closeIn()
	body := &remembering{in: in}
	err = courier.Send2012(ctx, r.settings.servers, *r.key(), body, r.settings.Timeout)
	switch {
	case body.err != nil:
		return &courier.ReadError{Name: r.file, Cause: body.err}
	case err != nil:
		return &resetError{err}
	}
	r.log.Info().Str("name", message.Visible(r.file)).Msg("message sent")
	return nil
}

// againError is an UnknownError or a PostponedError together with the command that
// settles it.
type againError struct {
	id      message.ID
	command string
	cause   error
}

func (e *againError) Error() string { return e.cause.Error() + "\nmessage id " + e.id.String() }
func (e *againError) Unwrap() error { return e.cause }

// resetError means that nobody knows what became of a message on the 2012 wire.
type resetError struct{ cause error }

func (e *resetError) Error() string { return "not known to be delivered: " + e.cause.Error() }
func (e *resetError) Unwrap() error { return e.cause }

// command returns the command line that sends the same message once more. A
// password from the command line is not repeated.
func (r *runner) command(id message.ID) string {
	words := []string{"client", "-id", id.String()}
	if r.name != "" {
		words = append(words, "-name", quote(r.name))
	}
	if r.receipt != "" {
		words = append(words, "-receipt", quote(r.receipt))
	}
	if strings.HasPrefix(r.file, "-") && r.file != stdin {
		words = append(words, "--")
	}
	words = append(words, quote(r.file))
	if r.hasPassword {
		words = append(words, "PASSWORD")
	}
	return strings.Join(words, " ")
}

// quote writes a word as a shell takes it back.
func quote(word string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./:+,@%=", c)
	}
	if word != "" && strings.IndexFunc(word, func(c rune) bool { return !plain(c) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
