// Package collector brings the log files of a Sealpost server from an FTP
// server into a directory, by the manifest and never by a listing.
//
// Guaranteed: a log file stands in the directory under its own name only when
// it is whole: its size and SHA-256, and the size and SHA-256 of the message
// inside it, are those of its manifest line, and its bytes are on stable
// storage. Nothing that is there is replaced. The manifest.jsonl kept in the
// directory holds the lines reached so far; what the server shows must continue
// it. Each message in it was collected, and then does not come again, wherever
// its file is now; or its number is in the file owed beside it, and it is tried
// on each run, after all that is new. That holds also after a power cut: a file
// may come twice then, if it was moved away before it was recorded, and none is
// passed over. No message that cannot be had keeps another one from being
// collected. When Collect returns, everything collected is durable.
//
// Files can be read by all, whatever the umask. What root makes belongs to the
// owner of the directory.
//
// The FTP server is taken for hostile: every step has a deadline, replies,
// lines and sizes are bounded, no name from it becomes a path, and a transfer
// counts by its bytes, not by the server's word that it is complete.
//
// Not guaranteed: that the manifest is the one the server wrote. Of the lines
// kept earlier only the last MiB is compared with the server's again; what ties
// the lines to the server's identity are signatures, which this package hands
// on and does not check.
package collector

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/rs/zerolog"

	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

// Config says where to collect from and to. Zero numbers stand for the
// defaults named beside them.
type Config struct {
	Addr     string // of the FTP server, host:port
	FTPDir   string // of manifest and log files there, as CheckDir allows; empty: where the log-in leads
	User     string
	Password string
	// TLS is the configuration for explicit FTPS (RFC 4217); nil means plain
	// FTP. It must name the server: vsftpd wants data connections to resume
	// the control connection's session, which is kept under that name.
	TLS *tls.Config

	Dir         string        // where log files and the kept manifest go; made if missing
	Connections int           // at once at most, 4
	Timeout     time.Duration // for one command, and for silence within a transfer, 30 s
	Wait        time.Duration // for a manifest that is shorter than the kept one, none
	Attempts    int           // at one file or one connection, 4
	Backoff     time.Duration // before the second attempt, doubled each time, 200 ms
	MinRate     int64         // bytes a second that a whole transfer must reach, 4 KiB
	MaxFile     uint64        // bytes of one log file, 16 GiB
	MaxManifest uint64        // bytes of manifest lines taken in one run, 1 GiB; the rest is the next run's
	MaxTrouble  int           // new files in a row over which the server fails before the rest is left to the next run, 100

	// Checkpoint is called once, before the manifest is fetched, with the text
	// of the server's checkpoint: nil where it has none, or with the error that
	// kept it from being fetched. It returns how many lines are known to be in
	// the manifest; one with fewer is waited for as one that is behind, and then
	// taken as it is. Nil: the checkpoint is not fetched.
	Checkpoint func(text []byte, err error) (lines uint64)
	// Signed is how many lines were signed, as receipts say. The server shows a
	// checkpoint of so many within moments; it is waited for, no longer than Wait
	// and a few seconds, and then done without.
	Signed uint64
	// Done is called when every message of the manifest was handed to Each and
	// all is durable. Like all calls it is made while no other Collect works on
	// Dir. Nil: not called.
	Done func() error
	// Line is called with every line of the manifest in order of number, without
	// its "\n", Each once for every message: those owed from earlier runs come
	// after the others. Both are called from one goroutine; an error from Each
	// ends the run. Nil: not called.
	Line     func(line []byte)
	Each     func(Item) error
	Progress *Progress // counts while Collect runs; may be nil
	Log      zerolog.Logger
}

// Item is what became of one message of the manifest.
type Item struct {
	Entry logfile.Entry
	Line  []byte // the manifest line, without its "\n"
	Path  string // of the log file in Dir
	New   bool   // collected in this run
	Away  bool   // dealt with in an earlier run, and its file is no longer in Dir
	Err   error  // not collected: a *FileError
}

// Result sums up a run.
type Result struct {
	Files    uint64 // log files of the manifest that are in Dir
	Bytes    uint64 // their sizes
	New      uint64 // of them, collected in this run
	Away     uint64 // dealt with in earlier runs, and no longer in Dir
	Failures []error
}

// collector is one run of Collect.
type collector struct {
	Config
	output
	kept   *kept
	known  uint64 // lines that the manifest has, as far as Checkpoint knows
	lines  uint64 // lines that this run takes
	result Result
	failed failures
}

// Collect fetches the manifest, and then every log file that it names and that
// no run has collected. What fails is listed in the result, and does not stop
// the others: a *FileError each, but one *MissingError for all files that the
// server does not have and one *MoreError where a list would be long. The error
// is about the run as a whole: a *ConnectError, a *ManifestError, an *OwedError,
// ErrInUse, ErrTrouble, ErrGrowth, a local file error, the error of ctx or of
// Each.
func Collect(ctx context.Context, cfg Config) (Result, error) {
	c := &collector{Config: cfg.withDefaults()}
	var lock *durable.FileLock
	var err error
	if c.output, lock, err = hold(c.Dir); err != nil {
		return Result{}, err
	}
	defer lock.Close()
	if c.kept, err = openKept(c.output); err != nil {
		return Result{}, err
	}
	defer c.kept.close()
	c.Log.Info().Str("server", c.Addr).Msg("downloading logs with FTP")
	err = c.collect(ctx)
	c.result.Failures = c.failed.list()
	return c.result, err
}

// hold makes the output directory where it is missing, and takes its lock.
func hold(dir string) (output, *durable.FileLock, error) {
	out, err := openOutput(dir)
	if err != nil {
		return out, nil, err
	}
	// The lock file is made here, so that it gets the owner of all that is here.
	// Whether it could be, TryLock finds out.
	if f, err := out.open(lockName, 0o600); err == nil {
		_ = f.Close() // nothing was written
	}
	lock, err := durable.TryLock(out.path(lockName))
	if err != nil {
		return out, nil, inUse(err)
	}
	return out, lock, nil
}

func (c *collector) collect(ctx context.Context) error {
	s, fresh, err := c.fetchManifest(ctx)
	if err != nil {
		return err
	}
	defer fresh.remove()
	c.lines = c.kept.lines + fresh.lines
	c.Progress.total(c.lines)
	err = c.runPool(ctx, s, fresh)
	if flushErr := c.kept.flush(); err == nil {
		err = flushErr
	}
	if err == nil && fresh.cut {
		err = ErrGrowth
	}
	if err == nil && c.Done != nil {
		err = c.Done()
	}
	return err
}

func (c Config) withDefaults() Config {
	setDefault(&c.Connections, 4)
	setDefault(&c.Timeout, 30*time.Second)
	setDefault(&c.Attempts, 4)
	setDefault(&c.Backoff, 200*time.Millisecond)
	setDefault(&c.MinRate, 4<<10)
	setDefault(&c.MaxFile, 16<<30)
	setDefault(&c.MaxManifest, 1<<30)
	setDefault(&c.MaxTrouble, 100)
	c.MaxFile = min(c.MaxFile, 1<<62) // sizes are int64 from here on
	if c.Progress == nil {
		c.Progress = new(Progress)
	}
	return c
}

func setDefault[T int | int64 | uint64 | time.Duration](value *T, fallback T) {
	if *value <= 0 {
		*value = fallback
	}
}

// pause waits before attempt number n (from 1) is repeated.
func (c *collector) pause(ctx context.Context, n int) error {
	select {
	case <-time.After(c.Backoff << min(n-1, 6)):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
