// Package collector brings the log files of a Sealpost server from an FTP
// server into a directory, by the manifest and never by a listing.
//
// Guaranteed: a log file stands in the directory under its own name only when it is
// whole: its size and SHA-256, and the size and SHA-256 of the message inside it,
// are those of its manifest line, and its bytes are on stable storage. Nothing that
// is there is replaced. The manifest.jsonl kept in the directory holds the lines
// reached so far; what the server shows must continue it. Each message in it was
// collected, and then does not come again, wherever its file is now; or its file was
// gone and Retired knew it for retired; or its number is in the file owed beside it,
// and it is tried on each run, after all that is new. That holds also after a power
// cut: a file may come twice then, if it was moved away before it was recorded, and
// none is passed over. No message that cannot be had keeps another one from being
// collected. When Collect returns, everything collected is durable.
//
// Files can be read by all, whatever the umask. What root makes belongs to the
// owner of the directory.
//
// A log file that lies in a shard directory on the server lies in one of that name
// here. Which directory that may be follows from the number alone.
//
// Others may be able to write into the directory: nothing that they put there, in
// the place of a shard directory either, is followed, changed, given away or waited
// for, and what the server sends lies under no name before it was checked, but for
// the part of a log file that is too large for memory.
//
// The FTP server is taken for hostile: every step has a deadline, replies,
// lines and sizes are bounded, no name from it becomes a path, and a transfer
// counts by its bytes, not by the server's word that it is complete.
//
// AcceptLogbook moves all that was collected into a directory of its own, former-ID, for
// another logbook to begin: nothing is lost or replaced, whenever it is cut short.
//
// Not guaranteed: that the manifest is the one the server wrote. Of the lines
// kept earlier only the last MiB is compared with the server's again; what ties
// the lines to the server's identity are signatures, which this package hands
// on and does not check; as it does with what was retired.
package collector

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

// Item is what became of one message of the manifest.
type Item struct {
	Entry logfile.Entry
	Line  []byte  // the manifest line, without its "\n"
	Out   *Output // where the log file lies
	Path  string  // of the log file, for people
	New   bool    // collected in this run
	Away  bool    // dealt with in an earlier run, and its file is no longer in Dir
	// Retired says that the file is not in Dir, and that the server has removed it on purpose.
	Retired bool
	Err     error // not collected: a *FileError

	checked durable.Info // the file that passed every check in this run, if one did
	looked  bool         // whether one did
}

// Open opens the log file, while Each has the item. Where this run checked it, it is
// the file that was checked: durable.ErrExchanged.
func (i *Item) Open() (*os.File, error) {
	f, err := i.Out.openLog(i.Entry.File)
	if err != nil || !i.looked {
		return f, err
	}
	info, err := durable.Stat(f)
	if err == nil && !info.Same(i.checked) {
		err = &fs.PathError{Op: "open", Path: f.Name(), Err: durable.ErrExchanged}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Check checks the log file against its manifest line, as checkFile does, while
// Each has the item.
func (i *Item) Check() error {
	f, err := i.Open()
	if err != nil {
		return err
	}
	defer f.Close()
	return checkFile(f, i.Entry)
}

// Result sums up a run.
type Result struct {
	Files    uint64 // log files of the manifest that are in Dir
	Bytes    uint64 // their sizes
	New      uint64 // of them, collected in this run
	Away     uint64 // dealt with in earlier runs, and no longer in Dir
	Retired  uint64 // passed over, since the server has retired them
	Failures []error
}

// collector is one run of Collect.
type collector struct {
	Config
	*Output
	kept   *kept
	known  uint64 // lines that the manifest has, as far as Checkpoint knows
	lines  uint64 // lines that this run takes
	result Result
	failed failures

	retired named
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
	var err error
	if c.Output, err = makeOutput(c.Config.Dir); err != nil {
		return Result{}, err
	}
	defer c.Output.Close()
	lock, err := c.lock()
	if err != nil {
		return Result{}, err
	}
	defer lock.Close()
	if c.kept, err = openKept(c.Output); err != nil {
		return Result{}, err
	}
	defer c.kept.close()
	c.Reached(c.kept.lines, c.kept.lines)
	if c.Opened != nil {
		c.Opened(c.Output)
	}
	if err := c.tellKept(c.kept.sync); err != nil {
		return Result{}, err
	}
	c.Log.Info().Str("server", c.Addr).Msg("downloading logs with FTP")
	err = c.collect(ctx)
	c.failed.missing.NoList = c.Retired == nil
	c.result.Failures = c.failed.list()
	return c.result, err
}

// tellKept makes the kept lines durable, and then tells how far they reach.
func (c *collector) tellKept(flush func() error) error {
	if c.Kept == nil {
		return nil
	}
	if err := flush(); err != nil {
		return err
	}
	c.Kept(c.kept.reached, c.kept.end)
	return nil
}

func (c *collector) flush() error {
	if c.Kept == nil {
		return c.kept.flush()
	}
	return c.tellKept(c.kept.flush)
}

// flushWhenDue flushes what has gathered.
func (c *collector) flushWhenDue() error {
	if !c.kept.due() {
		return nil
	}
	return c.flush()
}

func (c *collector) collect(ctx context.Context) error {
	s, fresh, err := c.fetchManifest(ctx)
	if err != nil {
		return err
	}
	defer fresh.close()
	c.lines = c.kept.lines + fresh.lines
	c.Progress.total(c.lines)
	c.Reached(c.kept.lines, c.lines)
	err = c.runPool(ctx, s, fresh)
	if flushErr := c.flush(); err == nil {
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
