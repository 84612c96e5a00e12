// Package copying copies a log volume, also while a server writes to it.
//
// What is copied are the messages below a number that is fixed at the start: their
// manifest lines, and the log files, each at the path that its line says. In the
// manifest a line stands only once its message is kept and its file has its name, so
// these need nothing of the commit records. Files of retired messages are left out, and
// the note that names them is copied. Index and tree are made anew by the first
// start on the copy; messages on their way in, and parts of such, stay behind.
//
// Guaranteed: a copy opens as a logbook only once all of it is durable, each file of
// the size and the SHA-256 that its line says, and each line one that was signed. The
// volume that is copied is only read. Memory does not grow with the messages.
//
// Not guaranteed: anything where the volume was not in order, as no server would open
// it; that is for the caller to judge. Files that are gone are told, and no error.
package copying

import (
	"context"
	"sync/atomic"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/local/fit"
)

// Job is one copy.
type Job struct {
	From, To   string    // log volumes; To as Begin has made it
	Known      fit.Known // what the state volume that goes with the copy knows
	Checkpoint []byte    // beside the manifest, read before that state was; or none
	Progress   *Progress
	Gone       func(number uint64, file string) // hears of each log file that is not there
}

// Progress is how far a job is: bytes of log files. It is for many goroutines.
type Progress struct{ Done, All atomic.Uint64 }

// Copied is what a job has done.
type Copied struct {
	Messages uint64 // the next number
	Files    uint64
	Bytes    uint64 // of them
	Pending  uint64 // messages that are kept, and whose files or lines were not in place yet
}

// Checkpoint returns the checkpoint beside the manifest of the volume dir, if there
// is one.
func Checkpoint(dir string) ([]byte, error) { return fit.ReadCheckpoint(disk.New(dir)) }

// Run copies. The error is a *FileError where a log file is not what its line says, a
// *NotInPlaceError, or about one of the volumes; then what was copied so far stays
// behind, and is no logbook. The end of ctx ends it.
func (j Job) Run(ctx context.Context) (Copied, error) {
	to := disk.New(j.To)
	if err := to.OpenRoot(); err != nil {
		return Copied{}, err
	}
	defer func() { _ = to.Close() }()
	from, err := fix(disk.New(j.From))
	if err != nil {
		return Copied{}, err
	}
	defer from.close()
	marks, err := j.marks(from.messages)
	if err != nil {
		return Copied{}, err
	}
	j.Progress.All.Store(from.bytes)
	out, err := newTarget(to)
	if err != nil {
		return Copied{}, err
	}
	defer out.close()
	c := &copier{
		Job: j, ctx: ctx, from: from, to: out, marks: marks, retired: &retired{vol: from.vol, known: j.Known},
	}
	if err := c.run(); err != nil {
		return Copied{}, err
	}
	return Copied{from.messages, c.files, j.Progress.Done.Load(), from.pending}, nil
}
