package collector

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"strings"

	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

const (
	lockName = ".collecting"

	// keptFlush is how many bytes of lines are gathered before they are made
	// durable: losing them costs another look at files that are there.
	keptFlush = 256 << 10
)

// manifestStart is what every manifest begins with, up to its first log file's path.
const manifestStart = `{"v":1,"seq":0,"file":"`

// errNotOurs means that the file was not written by the driver.
var errNotOurs = errors.New("this is not a manifest")

// kept is the position: the manifest in the output directory, a prefix of the
// server's, and the numbers in it that are owed. All others were collected or
// retired, and do not come again, wherever their files are now.
type kept struct {
	*Output
	file    *os.File
	size    int64  // bytes, all of them whole lines, when it was opened
	lines   uint64 // number of lines when it was opened
	end     int64  // where the next flush goes
	reached uint64 // number of lines before it
	pending bytes.Buffer

	owed           numbers.Set
	owing, settles numbers.Set // what changed in owed since it was written; no number is in both
	settledBytes   int         // of the lines whose numbers are owed no more, since then
}

// openKept opens the kept manifest or makes an empty one. Half a line at its
// end, left by a crash in the middle of a write, is cut off.
func openKept(out *Output) (*kept, error) {
	file, err := out.open(logfile.ManifestName, fileMode)
	if err != nil {
		return nil, err
	}
	k := &kept{Output: out, file: file}
	err = k.measure()
	if err == nil {
		k.owed, err = out.Owed()
	}
	if err != nil {
		k.close()
		return nil, err
	}
	if last, some := k.owed.Last(); some && last >= k.lines {
		// The lines that were to pass over these did not come to be.
		k.settled(numbers.Range{First: k.lines, Last: 1<<63 - 1}, 0)
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
	k.size, k.lines, k.end, k.reached = count.whole, count.lines, count.whole, count.lines
	if total == k.size {
		return nil
	}
	ours, err := k.beginsAsOurs(total)
	switch {
	case err != nil:
		return err
	case !ours:
		return &ManifestError{Kept: true, Line: 0, Cause: errNotOurs}
	}
	return k.file.Truncate(k.size)
}

// beginsAsOurs reports whether the file of total bytes begins as a kept manifest
// does, whole or in part. A power cut can leave nothing but zeros. Anything else was
// put here by somebody, and nothing is cut off it.
func (k *kept) beginsAsOurs(total int64) (bool, error) {
	head := make([]byte, len(manifestStart))
	n, err := io.ReadFull(io.NewSectionReader(k.file, 0, int64(len(head))), head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	head = head[:n]
	if strings.HasPrefix(manifestStart, string(head)) {
		return true, nil
	}
	var zeros zeroCounter
	_, err = io.Copy(&zeros, io.NewSectionReader(k.file, 0, total))
	return int64(zeros) == total, err
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

// add takes the line of the next message, whose log file has its name or is
// owed.
func (k *kept) add(line []byte) {
	k.pending.Write(line)
	k.pending.WriteByte('\n')
}

// owe notes that the log files of r are still to come.
func (k *kept) owe(r numbers.Range) {
	k.owed.Add(r)
	k.owing.Add(r)
	k.settles.Remove(r)
}

// settled notes that those of r are owed no more; their lines have that many
// bytes.
func (k *kept) settled(r numbers.Range, bytes int) {
	k.owed.Remove(r)
	k.owing.Remove(r)
	k.settles.Add(r)
	k.settledBytes += bytes
}

// due reports whether it is time to flush, which bounds what a crash makes the next
// run look at again. The list of owed numbers is written as a whole, so a long one is
// written less often.
func (k *kept) due() bool {
	return k.pending.Len()+k.settledBytes >= keptFlush+16*k.owed.Len()
}

// flush makes durable first the names of the log files, then what is owed, and
// then the lines taken so far, so that each line that is kept has its file or is
// owed.
func (k *kept) flush() error {
	if err := k.flushNames(); err != nil {
		return err
	}
	if err := k.flushOwed(); err != nil {
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
	k.reached += uint64(bytes.Count(k.pending.Bytes(), []byte{'\n'}))
	k.pending.Reset()
	return nil
}

// flushOwed writes what changed: others may have changed the list, too.
func (k *kept) flushOwed() (err error) {
	if k.owing.Empty() && k.settles.Empty() {
		return nil
	}
	if k.owed, err = k.ChangeOwed(k.owing, k.settles); err != nil {
		return err
	}
	k.owing, k.settles, k.settledBytes = numbers.Set{}, numbers.Set{}, 0
	return nil
}

// sync makes durable what was there when the manifest was opened: a driver that was
// killed may have left its lines in memory, though flush had made all else durable.
func (k *kept) sync() error {
	return k.file.Sync()
}

func (k *kept) close() { _ = k.file.Close() } // flush has synced what matters

// zeroCounter counts bytes that are zero.
type zeroCounter int64

func (c *zeroCounter) Write(p []byte) (int, error) {
	*c += zeroCounter(bytes.Count(p, []byte{0}))
	return len(p), nil
}

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
// the fresh ones if there are any, and checks that each is the line of its
// number.
type manifestReader struct {
	in    *bufio.Reader
	kept  uint64 // so many lines come from the kept manifest
	lines uint64 // read so far
}

func newManifestReader(k *kept, f *fresh) *manifestReader {
	lines := io.Reader(io.NewSectionReader(k.file, 0, k.size))
	if f != nil {
		lines = io.MultiReader(lines, io.NewSectionReader(f.file, 0, f.size))
	}
	return &manifestReader{in: bufio.NewReaderSize(lines, logfile.MaxLine+1), kept: k.lines}
}

// next returns the next line without its "\n". The line is the caller's. At the
// end, which includes a last line without "\n", the error is io.EOF; others are
// *ManifestErrors.
func (m *manifestReader) next() (entry logfile.Entry, line []byte, err error) {
	raw, err := m.in.ReadSlice('\n')
	if err == io.EOF {
		return entry, nil, io.EOF
	}
	if err != nil {
		return entry, nil, m.blame(err)
	}
	line = bytes.Clone(raw[:len(raw)-1])
	entry, err = logfile.ParseLine(line)
	if err == nil && entry.Seq != m.lines {
		err = errOrder
	}
	if err != nil {
		return entry, nil, m.blame(err)
	}
	m.lines++
	return entry, line, nil
}

var errOrder = errors.New("it is not the line of its number")

func (m *manifestReader) blame(err error) error {
	return &ManifestError{Kept: m.lines < m.kept, Line: int64(m.lines), Cause: err}
}
