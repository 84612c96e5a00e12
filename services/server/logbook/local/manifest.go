package local

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"

	"sealpost/shared/logfile"
)

const manifestPath = "logs/" + logfile.ManifestName

// manifest is logs/manifest.jsonl: line N is message N. It is appended to
// without a flush, because the commit records hold the same bytes until a
// checkpoint has flushed them here.
type manifest struct {
	vol  *volume
	file *os.File

	mu   sync.RWMutex
	last position // the lines that are there

	tail [][]byte // what was written since the last flush, to be written again if one fails
}

func openManifest(vol *volume) (*manifest, error) {
	f, err := vol.open(manifestPath, 0o644)
	if err != nil {
		return nil, err
	}
	return &manifest{vol: vol, file: f}, nil
}

// allFlushed is for a manifest that no records stand behind.
const allFlushed = math.MaxUint64

// visitor is given each whole line, without its "\n"; it is gone after the call.
type visitor func(p place, e logfile.Entry, line []byte) error

// scan reads every whole line behind from, gives each to visit, and returns
// where line number flushed begins, or the end where there are fewer. A line
// without a "\n" does not count. Lines from flushed on, which the records hold
// too, end at the first that is not sound: a power cut can leave zeros in their
// place.
func (m *manifest) scan(from position, flushed uint64, visit visitor) (begin position, err error) {
	r := bufio.NewReaderSize(io.NewSectionReader(m.file, from.bytes, math.MaxInt64-from.bytes), logfile.MaxLine+1)
	at := from
	begin = from
	for {
		e, line, err := nextLine(r, at.lines)
		switch {
		case errors.Is(err, io.EOF), err != nil && at.lines >= flushed:
			m.setEnd(at)
			return begin, nil
		case err != nil:
			return begin, &CorruptError{logfile.ManifestName, fmt.Sprintf("line %d: %v", at.lines, err)}
		}
		p := place{at.lines, at.bytes, uint32(len(line) + 1)}
		if err := visit(p, e, line); err != nil {
			return begin, err
		}
		at = position{p.seq + 1, p.off + int64(p.size)}
		if at.lines <= flushed {
			begin = at
		}
	}
}

// nextLine reads line number seq; io.EOF where there is none, or not a whole one.
func nextLine(r *bufio.Reader, seq uint64) (e logfile.Entry, line []byte, err error) {
	line, err = r.ReadSlice('\n')
	if err != nil {
		return e, nil, err
	}
	line = line[:len(line)-1]
	e, err = logfile.ParseLine(line)
	if err == nil && e.Seq != seq {
		err = fmt.Errorf("it says %d", e.Seq)
	}
	return e, line, err
}

func (m *manifest) setEnd(to position) {
	m.mu.Lock()
	m.last = to
	m.mu.Unlock()
}

func (m *manifest) end() position {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.last
}

func (m *manifest) count() uint64 { return m.end().lines }

// line reads the line at p without its "\n".
func (m *manifest) line(p place) ([]byte, error) {
	if p.size > logfile.MaxLine+1 {
		return nil, &CorruptError{logfile.ManifestName, fmt.Sprintf("line %d of %d bytes", p.seq, p.size)}
	}
	buf := make([]byte, p.size)
	if _, err := m.file.ReadAt(buf, p.off); err != nil {
		return nil, err
	}
	if len(buf) == 0 || buf[len(buf)-1] != '\n' {
		return nil, &CorruptError{logfile.ManifestName, fmt.Sprintf("no line %d at byte %d", p.seq, p.off)}
	}
	return buf[:len(buf)-1], nil
}

// anchor describes the last line of a batch.
func (m *manifest) anchor(batch map[indexKey]place) (a anchor, err error) {
	for _, p := range batch {
		if p.seq >= a.last.seq {
			a.last = p
		}
	}
	line, err := m.line(a.last)
	a.crc = lineCRC(line)
	return a, err
}

// holds is nil when the manifest is the one that an index file covers.
func (m *manifest) holds(to position, a anchor) error {
	if to.lines == 0 {
		return nil
	}
	line, err := m.line(a.last)
	switch {
	case err != nil:
		return err
	case a.last.seq+1 != to.lines || a.last.off+int64(a.last.size) != to.bytes || lineCRC(line) != a.crc:
		return errors.New("index file: it belongs to another manifest")
	}
	return nil
}

// append writes lines at the end, in one write, and returns where they lie.
// After an error the same call may be made again: it starts from the same
// offset.
func (m *manifest) append(lines [][]byte) ([]place, error) {
	from := m.end()
	to := from
	size := 0
	for _, line := range lines {
		size += len(line) + 1
	}
	buf := make([]byte, 0, size)
	places := make([]place, 0, len(lines))
	for _, line := range lines {
		buf = append(append(buf, line...), '\n')
		p := place{to.lines, to.bytes, uint32(len(line) + 1)}
		places = append(places, p)
		to = position{p.seq + 1, p.off + int64(p.size)}
	}
	if err := m.vol.append(m.file, manifestPath, buf, from.bytes); err != nil {
		return nil, err
	}
	m.tail = append(m.tail, buf)
	m.setEnd(to)
	return places, nil
}

// flush makes all lines durable. The lines since the last flush are written
// again first when that one failed: the kernel forgets a failed page, and a
// second flush alone would report success.
func (m *manifest) flush(again bool) error {
	if again && len(m.tail) > 0 {
		tail := bytes.Join(m.tail, nil)
		if err := m.vol.append(m.file, manifestPath, tail, m.end().bytes-int64(len(tail))); err != nil {
			return err
		}
	}
	if err := m.vol.sync(m.file, manifestPath); err != nil {
		return err
	}
	m.tail = nil
	return nil
}

func (m *manifest) close() error { return m.file.Close() }
