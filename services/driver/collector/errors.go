package collector

import (
	"cmp"
	"errors"
	"fmt"
	"net/textproto"

	"sealpost/shared/durable"
	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

// Errors, to be told apart with errors.Is.
var (
	// ErrInUse: another process is collecting into the same directory.
	ErrInUse = errors.New("another process is collecting into this directory")
	// ErrTrouble: the server failed over so many files in a row that the rest was
	// not tried.
	ErrTrouble = errors.New("the server failed over too many files in a row, the rest is left to the next run")
	// ErrMissing: the server does not have the file.
	ErrMissing = errors.New("missing on the server")
	// ErrSize: the server has the file with another size than the manifest says.
	ErrSize = errors.New("its size on the server is not the one in the manifest")
	// ErrTooLarge: the manifest names a size above the limit.
	ErrTooLarge = errors.New("larger than the limit for one file")
	// ErrDigest: the bytes have another SHA-256 than the manifest says.
	ErrDigest = errors.New("its SHA-256 is not the one in the manifest")
	// ErrContent: the log file says something else than its manifest line.
	ErrContent = errors.New("the log file does not say what its manifest line says")
	// ErrForeign: something else lies in the output directory under its name.
	ErrForeign = errors.New("something else lies in the output directory under this name")
	// ErrCut: a transfer ended before all bytes had come.
	ErrCut = errors.New("the transfer was cut short")
	// ErrReply: the server sent more than a reply may be long.
	ErrReply = errors.New("the server's reply is too long")
	// ErrGarbled: the server's reply is not one of FTP's.
	ErrGarbled = errors.New("the server's reply cannot be read")
	// ErrChanged: the server's manifest differs from the lines kept earlier.
	ErrChanged = errors.New("it was collected earlier and has changed on the server")
	// ErrBehind: the server's manifest is shorter than the kept one.
	ErrBehind = errors.New("it was collected earlier, and from it on the server's manifest is shorter and another")
	// ErrGrowth: the manifest is longer than one run takes it.
	ErrGrowth = errors.New("the manifest has more new lines than one run takes, the rest is left to the next run")
)

// errMore means that a transfer had more bytes than were asked for.
var errMore = errors.New("the transfer has more bytes than announced")

// errLags means that the checkpoint has fewer lines than receipts say were signed.
var errLags = errors.New("the checkpoint has fewer lines than were signed")

// errShort means that the manifest has fewer lines than are known to be in it.
var errShort = errors.New("the manifest has fewer lines than were signed")

// ConnectError says that no session with the FTP server could be had.
type ConnectError struct {
	Addr   string
	Login  bool   // the server refused user or password
	Verify bool   // the server's certificate does not verify
	Dir    string // that the server does not let the user enter
	Cause  error
}

func (e *ConnectError) Error() string {
	switch {
	case e.Login:
		return fmt.Sprintf("FTP server %s refuses user and password: %v", e.Addr, e.Cause)
	case e.Verify:
		return fmt.Sprintf("FTP server %s cannot be trusted: %v", e.Addr, e.Cause)
	case e.Dir != "":
		return fmt.Sprintf("FTP server %s: directory %s: %v", e.Addr, e.Dir, e.Cause)
	}
	return fmt.Sprintf("no session with FTP server %s: %v", e.Addr, e.Cause)
}

// Unwrap returns the cause.
func (e *ConnectError) Unwrap() error { return e.Cause }

// FileError says why one log file was not collected.
type FileError struct {
	Seq   uint64
	File  string
	Cause error
}

func (e *FileError) Error() string {
	return fmt.Sprintf("message %d: %s: %v", e.Seq, e.File, e.Cause)
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Cause }

// MissingError says which log files the server does not have.
type MissingError struct {
	Numbers numbers.Set
	File    string // the path of the first that was found missing
	NoList  bool   // whether the server has retired them was not looked at
}

func (e *MissingError) Error() string { return several(e.Numbers, e.File, ErrMissing.Error()) }

// Unwrap returns ErrMissing.
func (e *MissingError) Unwrap() error { return ErrMissing }

// MoreError says which log files were not collected besides those that are
// listed one by one.
type MoreError struct {
	Numbers numbers.Set
	File    string // the path of the first
}

func (e *MoreError) Error() string {
	return several(e.Numbers, e.File, "not collected either, for reasons like those before")
}

// several names messages, a single one with its log file, and says what holds for all
// of them.
func several(n numbers.Set, file, what string) string {
	if count := n.Count(); count > 1 {
		return fmt.Sprintf("%d messages: %v: %s", count, n, what)
	}
	return fmt.Sprintf("message %v: %s: %s", n, file, what)
}

// maxListed is how many failures are listed one by one.
const maxListed = 100

// failures gathers what failed, in bounded memory.
type failures struct {
	listed  []error
	missing MissingError
	more    MoreError
}

func (f *failures) add(e logfile.Entry, err error) {
	at := numbers.One(e.Seq)
	switch {
	case errors.Is(err, ErrMissing):
		f.missing.Numbers.Add(at)
		f.missing.File = cmp.Or(f.missing.File, e.File)
	case len(f.listed) < maxListed:
		f.listed = append(f.listed, err)
	default:
		f.more.Numbers.Add(at)
		f.more.File = cmp.Or(f.more.File, e.File)
	}
}

func (f *failures) list() []error {
	list := f.listed
	if !f.more.Numbers.Empty() {
		list = append(list, &f.more)
	}
	if !f.missing.Numbers.Empty() {
		list = append(list, &f.missing)
	}
	return list
}

// ManifestError says why the manifest cannot be gone by.
type ManifestError struct {
	Kept  bool  // it is the kept manifest in the output directory
	Line  int64 // number of the line, from 0, where one is to blame; else -1
	Cause error
}

func (e *ManifestError) Error() string {
	which := "manifest"
	if e.Kept {
		which = "kept manifest"
	}
	if e.Line >= 0 {
		return fmt.Sprintf("%s: line %d: %v", which, e.Line, e.Cause)
	}
	return fmt.Sprintf("%s: %v", which, e.Cause)
}

// Unwrap returns the cause.
func (e *ManifestError) Unwrap() error { return e.Cause }

// localError marks an error of this machine's disk: no other connection helps.
type localError struct{ cause error }

func (e *localError) Error() string { return e.cause.Error() }
func (e *localError) Unwrap() error { return e.cause }

func local(err error) error {
	if err == nil {
		return nil
	}
	return &localError{err}
}

func isLocal(err error) bool {
	var l *localError
	return errors.As(err, &l)
}

func inUse(err error) error {
	if errors.Is(err, durable.ErrLocked) {
		return ErrInUse
	}
	return fmt.Errorf("output directory: %w", err)
}

// hasCode reports whether the server answered with that reply code.
func hasCode(err error, code int) bool {
	var reply *textproto.Error
	return errors.As(err, &reply) && reply.Code == code
}
