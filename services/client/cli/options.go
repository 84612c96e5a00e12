package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"sealpost/shared/message"
)

// options is a command line that makes sense by itself.
type options struct {
	file        string
	password    string
	hasPassword bool
	id          message.ID // zero: a new one
	name        string     // "": the file's
	receipt     string
	outbox      string

	watch, acceptLogbook bool
}

// usageError means that the command line makes no sense.
type usageError struct{ rule string }

func (e *usageError) Error() string { return e.rule }

// inputError means that the command line names a file that cannot be used.
type inputError struct{ cause string }

func (e *inputError) Error() string { return e.cause }

func badUsage(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// parse takes flags before and after the other arguments; after "--" nothing
// is a flag.
func parse(args []string) (options, error) {
	var opts options
	var id string
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&id, "id", "", "")
	flags.StringVar(&opts.name, "name", "", "")
	flags.StringVar(&opts.receipt, "receipt", "", "")
	flags.StringVar(&opts.outbox, "outbox", "", "")
	flags.BoolVar(&opts.watch, "watch", false, "")
	flags.BoolVar(&opts.acceptLogbook, "accept-logbook", false, "")
	rest, err := scatter(flags, args)
	if err != nil {
		return options{}, err
	}
	if id != "" {
		if opts.id, err = message.ParseID(id); err != nil {
			return options{}, badUsage("-id: %v", err)
		}
	}
	if opts.name != "" {
		if err := message.CheckName(opts.name); err != nil {
			return options{}, badUsage("-name: %v", err)
		}
	}
	if opts.outbox != "" {
		return opts, opts.checkOutbox(rest)
	}
	return opts.withFile(rest)
}

// scatter parses flags wherever they stand and returns the other arguments.
func scatter(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			if len(rest) > 0 {
				// It may be a password, so it is not shown.
				return nil, badUsage("what follows the file is no flag; a password that begins with - goes behind --")
			}
			return nil, badUsage("%v", err)
		}
		read := len(args) - flags.NArg()
		if flags.NArg() == 0 || read > 0 && args[read-1] == "--" {
			return append(rest, flags.Args()...), nil
		}
		rest = append(rest, flags.Arg(0))
		args = flags.Args()[1:]
	}
}

func (o options) checkOutbox(rest []string) error {
	switch {
	case len(rest) > 0:
		return badUsage("with -outbox there is no FILE; a password for it goes into CLIENT_PASSWORD")
	case o.id != message.ID{}, o.name != "", o.receipt != "":
		return badUsage("-id, -name and -receipt are for one file, not for an outbox")
	case o.watch && o.acceptLogbook:
		return badUsage("-accept-logbook is done once; start with -watch after it")
	}
	info, err := os.Stat(o.outbox)
	if err != nil {
		return &inputError{err.Error()}
	}
	if !info.IsDir() {
		return &inputError{o.outbox + " is not a directory"}
	}
	return nil
}

func (o options) withFile(rest []string) (options, error) {
	switch {
	case o.watch || o.acceptLogbook:
		return options{}, badUsage("-watch and -accept-logbook go with -outbox DIR")
	case len(rest) == 0:
		return options{}, badUsage("no FILE and no -outbox DIR given")
	case len(rest) > 2:
		return options{}, badUsage("one FILE and at most one PASSWORD, not %d arguments", len(rest))
	case len(rest) == 2 && rest[1] == "":
		return options{}, badUsage("the password is empty")
	}
	o.file = rest[0]
	if len(rest) == 2 {
		o.password, o.hasPassword = rest[1], true
	}
	return o, o.checkReceipt()
}

// checkReceipt finds out before the message is sent whether its receipt has a place.
func (o options) checkReceipt() error {
	if o.receipt == "" {
		return nil
	}
	if _, err := os.Stat(filepath.Dir(o.receipt)); err != nil {
		return &inputError{err.Error()}
	}
	info, err := os.Lstat(o.receipt)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return &inputError{o.receipt + " is not a regular file"}
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return &inputError{err.Error()}
	}
	return nil
}
