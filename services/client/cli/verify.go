package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"sealpost/services/client/courier"
	"sealpost/shared/arguments"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/digest"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
	"sealpost/shared/settings"
	"sealpost/shared/signals"
	"sealpost/shared/voice"
)

// pinConfig is the one setting that a check without the server needs.
type pinConfig struct {
	ServerIdentity settings.Secret `form:"list"`
}

// receiptMismatchError means that a genuine receipt is not about this file.
type receiptMismatchError struct{ what, receipt, file string }

func (e *receiptMismatchError) Error() string {
	return fmt.Sprintf("the receipt is about another message: its %s is %s, the file's %s", e.what, e.receipt, e.file)
}

// errUnchecked means that the client was stopped while it checked a receipt.
var errUnchecked = errors.New("interrupted before the receipt was checked")

// verify checks a receipt against a message, offline. The end of ctx ends a
// reading that takes long.
func verify(ctx context.Context, args []string, std voice.Streams) error {
	args = arguments.Operands(args)
	if len(args) != 2 {
		return badUsage("verify takes a RECEIPT and a FILE")
	}
	text, err := signals.Await(ctx, func() (string, error) { return judge(args[0], args[1], std) })
	switch {
	case err != nil && ctx.Err() != nil:
		return errUnchecked
	case err != nil:
		return err
	}
	_, err = io.WriteString(std.Out, text)
	return err
}

// judge returns what a receipt says, if it is good and about the message in file.
func judge(path, file string, std voice.Streams) (string, error) {
	var config pinConfig
	if _, err := settings.Load(prefix, &config); err != nil {
		return "", err
	}
	pins, err := parsePins(config.ServerIdentity)
	if err != nil {
		speak.Remark(std.Err, settings.Unknown(prefix, new(Settings)))
		return "", &settings.Error{Problems: []settings.Problem{{Name: prefix + "_SERVER_IDENTITY", Rule: err.Error()}}}
	}
	text, err := readReceipt(path)
	if err != nil {
		return "", err
	}
	opened, err := receipt.Open(text, pins)
	if err != nil {
		return "", err
	}
	entry, err := logfile.OfReceipt(opened)
	if err != nil {
		return "", errors.Join(receipt.ErrMalformed, err)
	}
	if err := compare(entry, file, std.In); err != nil {
		return "", err
	}
	return describe(opened, entry), nil
}

func compare(entry logfile.Entry, path string, in io.Reader) error {
	if path != stdin {
		f, err := openFile(path)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	size, sum, err := digest.Within(in, entry.Size)
	switch {
	case err != nil:
		return &courier.ReadError{Name: path, Cause: err}
	case size > entry.Size:
		return &receiptMismatchError{"size", fmt.Sprint(entry.Size), fmt.Sprintf("%d or more", size)}
	case size != entry.Size:
		return &receiptMismatchError{"size", fmt.Sprint(entry.Size), fmt.Sprint(size)}
	case sum != entry.SHA256:
		return &receiptMismatchError{"SHA-256", entry.SHA256.String(), logfile.Digest(sum).String()}
	}
	return nil
}

func describe(o receipt.Opened, e logfile.Entry) string {
	var b strings.Builder
	b.WriteString("the receipt is good\n")
	for _, line := range [][2]string{
		{"number", strconv.FormatUint(e.Seq, 10)},
		{"log file", e.File},
		{"received at", e.ReceivedAt.UTC().Format(time.RFC3339Nano)},
		{"logbook", message.Visible(strings.TrimPrefix(o.Origin, receipt.Origin("")))},
		{"tree size", strconv.FormatUint(o.Checkpoint.Size, 10)},
		{"proof", "checked: the signed tree holds this message under this number"},
		{"id", e.ID.String()},
		{"sender", e.Sender},
		{"name", message.Visible(e.Name)},
	} {
		fmt.Fprintf(&b, "%-11s %s\n", line[0], line[1])
	}
	return b.String()
}
