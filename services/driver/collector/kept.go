package collector

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"

	"sealpost/shared/durable"
	"sealpost/shared/logfile"
)

const (
	lockName  = ".collecting"
	freshName = "." + logfile.ManifestName + ".new"

	// keptFlush is how many bytes of lines are gathered before they are made
	// durable: losing them costs another look at files that are there.
	keptFlush = 64 << 10
)

// kept is the manifest in the output directory: the lines of the messages
// collected so far, a prefix of the server's manifest.
type kept struct {
	dir     string
	file    *os.File
	size    int64  // bytes, all of them whole lines, when it was opened
	lines   uint64 // number of lines when it was opened
	end     int64  // where the next flush goes
	pending bytes.Buffer
}

// openKept opens the kept manifest or makes an empty one. Half a line at its
// end, left by a crash in the middle of a write, is cut off.
func openKept(dir string) (*kept, error) {
	file, err := os.OpenFile(filepath.Join(dir, logfile.ManifestName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	k := &kept{dir: dir, file: file}
	if err := k.measure(); err != nil {
		k.close()
		return nil, err
	}
	return k, nil
}

// measure counts the whole lines and drops what follows them. The first flush of
// lines makes that durable too; until then it can be done again.
func (k *kept) measure() error {
	var count lineCounter
	total, err := io.Copy(&count, io.NewSectionReader(k.file, 0, 1<<62))
	if err != nil {
		return err
	}
	k.size, k.lines, k.end = count.whole, count.lines, count.whole
	if total == k.size {
		return nil
	}
	return k.file.Truncate(k.size)
}

// blame names the kept line in which byte number at lies as the one that the
// server's manifest does not continue.
func (k *kept) blame(at int64, cause error) error {
	var before lineCounter
	if _, err := io.Copy(&before, io.NewSectionReader(k.file, 0, at)); err != nil {
		return local(err)
	}
	return &ManifestError{Line: int64(before.lines), Cause: cause}
}

// add takes the line of the next message, whose log file has its name.
func (k *kept) add(line []byte) error {
	k.pending.Write(line)
	k.pending.WriteByte('\n')
	if k.pending.Len() < keptFlush {
		return nil
	}
	return k.flush()
}

// flush makes durable first the names of the log files and then the lines
// taken so far, so that no line is kept without its file.
func (k *kept) flush() error {
	if err := durable.SyncDir(k.dir); err != nil {
		return err
	}
	if k.pending.Len() == 0 {
		return nil
	}
	n, err := k.file.WriteAt(k.pending.Bytes(), k.end)
	if err == nil {
		err = k.file.Sync()
	}
	if err != nil {
		// What was written lies past the lines that count; leave none of it.
		_ = k.file.Truncate(k.end)
		k.pending.Reset()
		return err
	}
	k.end += int64(n)
	k.pending.Reset()
	return nil
}

func (k *kept) close() { _ = k.file.Close() } // flush has synced what matters

// lineCounter counts lines and the bytes up to the end of the last whole one.
type lineCounter struct {
	lines        uint64
	whole, total int64
}

func (c *lineCounter) Write(p []byte) (int, error) {
	if last := bytes.LastIndexByte(p, '\n'); last >= 0 {
		c.lines += uint64(bytes.Count(p, []byte{'\n'}))
		c.whole = c.total + int64(last) + 1
	}
	c.total += int64(len(p))
	return len(p), nil
}

// manifestReader reads manifest lines one by one, first the kept ones and then
// the fresh ones, and checks that each is the line of its number.
type manifestReader struct {
	in    *bufio.Reader
	kept  uint64 // so many lines come from the kept manifest
	lines uint64 // read so far
}

func newManifestReader(k *kept, f *fresh) *manifestReader {
	both := io.MultiReader(io.NewSectionReader(k.file, 0, k.size), io.NewSectionReader(f.file, 0, f.size))
	return &manifestReader{in: bufio.NewReaderSize(both, logfile.MaxLine+1), kept: k.lines}
}

// next returns the next line without its "\n", and whether it was collected in
// an earlier run. The line is the caller's. At the end, which includes a last
// line without "\n", the error is io.EOF; others are *ManifestErrors.
func (m *manifestReader) next() (entry logfile.Entry, line []byte, recorded bool, err error) {
	recorded = m.lines < m.kept
	raw, err := m.in.ReadSlice('\n')
	if err == io.EOF {
		return entry, nil, false, io.EOF
	}
	if err != nil {
		return entry, nil, recorded, m.blame(recorded, err)
	}
	line = bytes.Clone(raw[:len(raw)-1])
	entry, err = logfile.ParseLine(line)
	if err == nil && entry.Seq != m.lines {
		err = errOrder
	}
	if err != nil {
		return entry, nil, recorded, m.blame(recorded, err)
	}
	m.lines++
	return entry, line, recorded, nil
}

var errOrder = errors.New("it is not the line of its number")

func (m *manifestReader) blame(recorded bool, err error) error {
	return &ManifestError{Kept: recorded, Line: int64(m.lines), Cause: err}
}
