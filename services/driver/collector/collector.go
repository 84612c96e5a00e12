// Package collector brings the log files of a Sealpost server from an FTP
// server into a directory, by the manifest and never by a listing.
//
// Guaranteed: a log file stands in the directory under its own name only when
// it is whole: its size and SHA-256, and the size and SHA-256 of the message
// inside it, are those of its manifest line, and its bytes are on stable
// storage. Nothing that is there is replaced. The manifest.jsonl kept in the
// directory holds the lines of the files collected so far, without a gap, and
// never runs ahead of them, also after a power cut; what the server shows must
// continue it. When Collect returns, everything collected is durable.
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
	"fmt"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

// Config says where to collect from and to. Zero numbers stand for the
// defaults named beside them.
type Config struct {
	Addr     string // of the FTP server, host:port
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
	MaxManifest uint64        // bytes of manifest lines that are new in one run, 1 GiB
	MaxFailures int           // files that fail before the rest is given up, 100

	// Checkpoint is called once, before the manifest is fetched, with the text
	// of the server's checkpoint: nil where it has none, or with the error that
	// kept it from being fetched. It returns how many lines are known to be in
	// the manifest; one with fewer is waited for as one that is behind, and then
	// taken as it is. Nil: the checkpoint is not fetched.
	Checkpoint func(text []byte, err error) (lines uint64)
	// Done is called when every message of the manifest was handed to Each and
	// all is durable. Like all calls it is made while no other Collect works on
	// Dir. Nil: not called.
	Done func() error
	// Each is called for every message of the manifest in order of number,
	// from one goroutine; an error from it ends the run. Nil: not called.
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
	Gone  bool   // collected in an earlier run, since removed here and on the server
	Err   error  // not collected: a *FileError
}

// Result sums up a run.
type Result struct {
	Files    uint64 // log files of the manifest that are in Dir
	Bytes    uint64 // their sizes
	New      uint64 // of them, collected in this run
	Gone     uint64 // collected earlier and removed since
	Failures []error
}

// collector is one run of Collect.
type collector struct {
	Config
	kept   *kept
	known  uint64 // lines that the manifest has, as far as Checkpoint knows
	result Result
}

// Collect fetches the manifest, and then every log file that it names and that
// Dir does not hold. Files that fail are listed in the result, each a
// *FileError, and do not stop the others. The error is about the run as a
// whole: a *ConnectError, a *ManifestError, ErrInUse, ErrTooManyFailures, a
// local file error, the error of ctx or of Each.
func Collect(ctx context.Context, cfg Config) (Result, error) {
	c := &collector{Config: cfg.withDefaults()}
	if err := durable.MkdirAll(c.Dir, 0o755); err != nil {
		return Result{}, fmt.Errorf("output directory: %w", err)
	}
	lock, err := durable.TryLock(filepath.Join(c.Dir, lockName))
	if err != nil {
		return Result{}, inUse(err)
	}
	defer lock.Close()
	if c.kept, err = openKept(c.Dir); err != nil {
		return Result{}, err
	}
	defer c.kept.close()
	c.Log.Info().Str("server", c.Addr).Msg("downloading logs with FTP")
	err = c.collect(ctx)
	return c.result, err
}

func (c *collector) collect(ctx context.Context) error {
	s, fresh, err := c.fetchManifest(ctx)
	if err != nil {
		return err
	}
	defer fresh.remove()
	c.Progress.total(c.kept.lines + fresh.lines)
	err = c.runPool(ctx, s, fresh)
	if flushErr := c.kept.flush(); err == nil {
		err = flushErr
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
	setDefault(&c.MaxFailures, 100)
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
