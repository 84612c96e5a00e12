package collector

import (
	"cmp"
	"crypto/tls"
	"time"

	"github.com/rs/zerolog"

	"sealpost/shared/numbers"
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
	Connects    int           // at a connection, where they are others; Attempts
	Backoff     time.Duration // before the second attempt, doubled each time, 200 ms
	MinRate     int64         // bytes a second that a whole transfer must reach, 4 KiB
	MaxFile     uint64        // bytes of one log file, 16 GiB
	MaxInMemory int64         // bytes of a log file that is checked before it is written at all, 16 KiB; below 0: none is
	MaxManifest uint64        // bytes of manifest lines taken in one run, 1 GiB; the rest is the next run's
	Overlap     int64         // bytes of the kept manifest that are fetched and compared again, 1 MiB
	MaxTrouble  int           // failures in a row of new files, before the rest is left to the next run; 100

	// Checkpoint is called once, before the manifest is fetched, with the text
	// of the server's checkpoint: nil where it has none, or with the error that
	// kept it from being fetched. It returns how many lines are known to be in
	// the manifest; one with fewer is waited for as one that is behind, and then
	// taken as it is; or the error that ends the run before anything is collected.
	// Nil: the checkpoint is not fetched.
	Checkpoint func(text []byte, err error) (lines uint64, stop error)
	// Retired is called once between checkpoint and manifest, with the text of the
	// server's note of retired messages: nil where it has none, or with the error that
	// kept it from being fetched. It is called again where a file is missing and another
	// note is there by then; never twice at once, and maybe from other goroutines. It
	// returns the numbers of all messages that are known to be retired: where their files
	// are gone they are passed over. Nil: the note is not fetched, and all that is gone is
	// missing.
	Retired func(text []byte, err error) numbers.Set
	// Opened is called once, before Checkpoint, with the output directory, which
	// is open until Collect returns. Nil: not called.
	Opened func(*Output)
	// Kept is called with how many lines are kept durably, and how many bytes they
	// have: before anything is collected, and each time that there are more. Where it
	// is set a number stays owed though its file has come: who hands the files on
	// takes it off the list. Nil: not called.
	Kept func(lines uint64, size int64)
	// Reached is called with how many messages the run is past, collected or owed, of so
	// many that the manifest names as far as that is known: before anything is fetched,
	// and as more are reached. Nil: not called.
	Reached func(messages, of uint64)
	// Signed returns how many lines of the logbook with that origin were signed, as
	// receipts say; "" is any. The server shows a checkpoint of so many within
	// moments; it is waited for, no longer than Wait and a few seconds, and then done
	// without. Nil: none were.
	Signed func(origin string) (lines uint64)
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

func (c Config) withDefaults() Config {
	c.Connections = cmp.Or(c.Connections, 4)
	c.Timeout = cmp.Or(c.Timeout, 30*time.Second)
	c.Attempts = cmp.Or(c.Attempts, 4)
	c.Connects = cmp.Or(c.Connects, c.Attempts)
	c.Backoff = cmp.Or(c.Backoff, 200*time.Millisecond)
	c.MinRate = cmp.Or(c.MinRate, 4<<10)
	c.MaxFile = cmp.Or(c.MaxFile, 16<<30)
	c.MaxInMemory = cmp.Or(c.MaxInMemory, 16<<10)
	c.MaxManifest = cmp.Or(c.MaxManifest, 1<<30)
	c.Overlap = cmp.Or(c.Overlap, overlap)
	c.MaxTrouble = cmp.Or(c.MaxTrouble, 100)
	c.MaxFile = min(c.MaxFile, 1<<62) // sizes are int64 from here on
	c.Progress = cmp.Or(c.Progress, new(Progress))
	if c.Reached == nil {
		c.Reached = func(uint64, uint64) {}
	}
	return c
}
