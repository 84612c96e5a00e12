package collector

import (
	"bufio"
	"io"
	"math"
	"os"

	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

// KeptLines reads the lines of the kept manifest, as far as they are durable, beside
// the run that adds to it.
type KeptLines struct {
	file     *os.File
	lines    *manifestReader
	at, size int64 // the next byte to read; the first that may not be read
}

// KeptLines opens the kept manifest for reading: io.EOF until Extend.
func (o *Output) KeptLines() (*KeptLines, error) {
	f, err := o.Open(logfile.ManifestName, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	if _, err := o.plain(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	k := &KeptLines{file: f}
	k.lines = &manifestReader{in: bufio.NewReaderSize(k, logfile.MaxLine+1), kept: math.MaxUint64}
	return k, nil
}

// Extend has Next go on as far as byte number size, which ends a line.
func (k *KeptLines) Extend(size int64) { k.size = max(k.size, size) }

// Read is for the reader of lines.
func (k *KeptLines) Read(p []byte) (int, error) {
	n, err := k.file.ReadAt(p[:min(int64(len(p)), k.size-k.at)], k.at)
	k.at += int64(n)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// Next returns the next line: io.EOF at the end of what Extend allows, or a
// *ManifestError.
func (k *KeptLines) Next() (logfile.Entry, error) {
	entry, _, err := k.lines.next()
	return entry, err
}

// Close gives the descriptor back.
func (k *KeptLines) Close() error { return k.file.Close() }

// OpenKept opens the log file of a message that was collected, and checks it again:
// ErrForeign where it is not that file, fs.ErrNotExist where it was taken away.
func (o *Output) OpenKept(e logfile.Entry) (*os.File, error) {
	f, err := o.openLog(e.File)
	if err != nil {
		return nil, err
	}
	info, err := durable.Stat(f)
	switch {
	case err != nil:
	case !o.trusts(info):
		err = foreign(errOthers)
	default:
		if err = checkFile(f, e); err != nil {
			err = foreign(err)
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
