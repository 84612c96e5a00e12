package cli

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"sealpost/shared/arguments"
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
	resendSince time.Time // zero: do not
	files       []string  // of -files

	watch, acceptLogbook, allowEmpty bool

	json, quiet bool
}

// usageError means that the command line makes no sense.
type usageError struct{ rule, hint string }

func (e *usageError) Error() string { return e.rule }

// inputError means that the command line names a file that cannot be used.
type inputError struct{ cause string }

func (e *inputError) Error() string { return message.Visible(e.cause) } // it names a file

// nameRule is that of [message.CheckName].
var nameRule = fmt.Sprintf("a name has 1 to %d bytes of UTF-8, without line ends and other control characters",
	message.MaxName)

func badUsage(format string, args ...any) error {
	return &usageError{rule: fmt.Sprintf(format, args...), hint: "client -h shows the calls"}
}

// parse takes flags before and after the other arguments; after "--" nothing
// is a flag.
func parse(args []string) (options, error) {
	var opts options
	var id, since string
	var several bool
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&id, "id", "", "")
	flags.StringVar(&opts.name, "name", "", "")
	flags.StringVar(&opts.receipt, "receipt", "", "")
	flags.StringVar(&opts.outbox, "outbox", "", "")
	flags.BoolVar(&opts.watch, "watch", false, "")
	flags.BoolVar(&opts.acceptLogbook, "accept-logbook", false, "")
	flags.StringVar(&since, "resend-since", "", "")
	flags.BoolVar(&opts.allowEmpty, "allow-empty", false, "")
	flags.BoolVar(&opts.json, "json", false, "")
	flags.BoolVar(&opts.quiet, "quiet", false, "")
	flags.BoolVar(&several, "files", false, "")
	rest, err := arguments.Scatter(flags, args)
	switch {
	case err != nil && len(rest) > 0:
		// It may be a password, so it is not shown.
		return options{}, badUsage("what follows the file is not a flag; a password that begins with - goes behind --")
	case err != nil:
		return options{}, badUsage("%v", err)
	}
	if name := arguments.Empty(flags); name != "" {
		return options{}, badUsage("-%s is empty", name)
	}
	if id != "" {
		if opts.id, err = message.ParseID(id); err != nil {
			return options{}, badUsage("-id: %v", err)
		}
	}
	if opts.name != "" {
		if err := message.CheckName(opts.name); err != nil {
			return options{}, &usageError{rule: "-name: " + err.Error(), hint: nameRule}
		}
	}
	if since != "" {
		if opts.resendSince, err = parseSince(since); err != nil {
			return options{}, err
		}
	}
	switch {
	case opts.outbox != "":
		return opts, opts.checkOutbox(rest, several)
	case several:
		return opts.withFiles(rest)
	}
	return opts.withFile(rest)
}

// parseSince reads a time, or a day from its beginning, in UTC as the days of sent.
func parseSince(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, badUsage("-resend-since %q must be a date such as 2026-11-27, in UTC, or a time such as "+
		"2026-11-27T15:00:00Z", text)
}

// resends reports whether what was sent is to be sent again.
func (o options) resends() bool { return !o.resendSince.IsZero() }

// checkSystem refuses an outbox on a system without flock(2) and openat(2), by
// which several clients share one.
func checkSystem(goos string) error {
	if goos != "windows" {
		return nil
	}
	return &usageError{
		rule: "there is no outbox on Windows, whose files lack the locks and renames of one",
		hint: "client FILE or client -files FILE... sends files; an outbox works in WSL",
	}
}

func (o options) checkOutbox(rest []string, several bool) error {
	if err := checkSystem(runtime.GOOS); err != nil {
		return err
	}
	switch {
	case several:
		return badUsage("-files and -outbox do not go together")
	case len(rest) > 0:
		return badUsage("with -outbox there is no FILE; a password for it goes into CLIENT_PASSWORD")
	case o.id != message.ID{}, o.name != "", o.receipt != "":
		return badUsage("-id, -name and -receipt are for one file, not for an outbox")
	case o.watch && o.acceptLogbook:
		return badUsage("-accept-logbook is done once; start with -watch after it")
	case o.json && o.acceptLogbook:
		return badUsage("-json tells of messages, and -accept-logbook sends none")
	case o.resends() && (o.watch || o.acceptLogbook):
		return badUsage("-resend-since is done once; -accept-logbook goes before it, and -watch after or beside it")
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
	case o.watch || o.acceptLogbook || o.resends():
		return options{}, badUsage("-watch, -accept-logbook and -resend-since go with -outbox DIR")
	case len(rest) == 0:
		return options{}, badUsage("no FILE and no -outbox DIR given")
	case len(rest) > 2:
		return options{}, &usageError{
			rule: fmt.Sprintf("one FILE and at most one PASSWORD, not %d arguments", len(rest)),
			hint: "several files: client -files FILE...",
		}
	case len(rest) == 2 && rest[1] == "":
		return options{}, badUsage("the password is empty")
	}
	o.file = rest[0]
	if len(rest) == 2 {
		o.password, o.hasPassword = rest[1], true
		if _, err := os.Lstat(o.password); err == nil {
			// A pattern of the shell's stood for two files; the name is not shown
			// because it may be a password.
			return options{}, &usageError{
				rule: "the second argument would be a password, and is the name of a file",
				hint: "several files: client -files FILE...; if it is the password, set CLIENT_PASSWORD or CLIENT_PASSWORD_FILE",
			}
		}
	}
	return o, o.checkReceiptPlace()
}

// withFiles takes all arguments as files, which are there.
func (o options) withFiles(rest []string) (options, error) {
	switch {
	case o.watch || o.acceptLogbook || o.resends():
		return options{}, badUsage("-watch, -accept-logbook and -resend-since go with -outbox DIR")
	case o.id != message.ID{}, o.name != "", o.receipt != "":
		return options{}, badUsage("-id, -name and -receipt are for one file, not for several; an outbox keeps receipts")
	case len(rest) == 0:
		return options{}, badUsage("-files needs a FILE")
	}
	inputs, named := 0, map[string]bool{}
	for _, path := range rest {
		if path == stdin {
			inputs++
			continue
		}
		if clean := filepath.Clean(path); named[clean] {
			return options{}, badUsage("%s is named twice, and would be sent twice", path)
		} else {
			named[clean] = true
		}
		info, err := os.Stat(path)
		if err != nil {
			return options{}, &inputError{err.Error()}
		}
		if info.IsDir() {
			return options{}, &inputError{path + " is a directory; -outbox sends the files in one"}
		}
	}
	if inputs > 1 {
		return options{}, badUsage("standard input can be sent once")
	}
	o.files = rest
	return o, nil
}
