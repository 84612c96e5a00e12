package cli

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"sealpost/services/client/courier"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
	"sealpost/shared/message"
	"sealpost/shared/settings"
)

// pinConfig is the one setting that a check without the server needs.
type pinConfig struct {
	ServerIdentity settings.Secret
}

// receiptMismatch means that a genuine receipt is not about this file.
type receiptMismatch struct{ what, receipt, file string }

func (e *receiptMismatch) Error() string {
	return fmt.Sprintf("the receipt is about another message: its %s is %s, the file's %s", e.what, e.receipt, e.file)
}

// verify checks a receipt against a message, offline.
func verify(args []string, std Streams) error {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) != 2 {
		return badUsage("verify takes a RECEIPT and a FILE")
	}
	var config pinConfig
	if _, err := settings.Load(prefix, &config); err != nil {
		return err
	}
	pins, err := parsePins(config.ServerIdentity)
	if err != nil {
		return &settings.Error{Problems: []settings.Problem{{Name: prefix + "_SERVER_IDENTITY", Rule: err.Error()}}}
	}
	text, err := readReceipt(args[0])
	if err != nil {
		return err
	}
	opened, err := receipt.Open(text, pins)
	if err != nil {
		return err
	}
	entry, err := logfile.ParseLine(opened.Line)
	if err != nil {
		return errors.Join(receipt.ErrMalformed, err)
	}
	if err := compare(entry, args[1], std.In); err != nil {
		return err
	}
	return printReceipt(std.Out, opened.Origin, entry)
}

// readReceipt reads a little more than a receipt may have, to be refused.
func readReceipt(path string) ([]byte, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, receipt.MaxSize+1))
	if err != nil {
		return nil, &courier.ReadError{Name: path, Cause: err}
	}
	return text, nil
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
	hash := sha256.New()
	size, err := io.Copy(hash, in)
	if err != nil {
		return &courier.ReadError{Name: path, Cause: err}
	}
	if uint64(size) != entry.Size {
		return &receiptMismatch{"size", fmt.Sprint(entry.Size), fmt.Sprint(size)}
	}
	var sum logfile.Digest
	hash.Sum(sum[:0])
	if sum != entry.SHA256 {
		return &receiptMismatch{"SHA-256", entry.SHA256.String(), sum.String()}
	}
	return nil
}

func printReceipt(w io.Writer, origin string, e logfile.Entry) error {
	_, err := fmt.Fprintf(w, "the receipt is good\nnumber      %d\nlog file    %s\nreceived at %s\nlogbook     %s\nid          %s\nsender      %s\nname        %s\n",
		e.Seq, e.File, e.ReceivedAt.UTC().Format(time.RFC3339Nano), message.Visible(strings.TrimPrefix(origin, receipt.Origin(""))),
		e.ID, e.Sender, message.Visible(e.Name))
	return err
}
