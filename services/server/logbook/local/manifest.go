package local

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"

	"sealpost/shared/logfile"
)

// manifest is logs/manifest.jsonl: line N is message N. It is appended to
// without a flush, because the commit records hold the same bytes until a
// checkpoint has flushed them here.
type manifest struct {
	vol  *volume
	file *os.File

	mu   sync.RWMutex
	ends []int64 // ends[n] is the offset behind the "\n" of line n

	tail []byte // the lines since the last flush, to be written again if one fails
}

// openManifest reads every whole line and gives each to visit. Lines from
// flushed on, which the records hold too, end at the first that is not sound: a
// power cut can leave zeros in their place.
func openManifest(vol *volume, flushed uint64, visit func(seq uint64, e logfile.Entry) error) (*manifest, error) {
	f, err := os.OpenFile(vol.logs(logfile.ManifestName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	m := &manifest{vol: vol, file: f}
	err = f.Chmod(0o644)
	if err == nil {
		err = m.scan(flushed, visit)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return m, nil
}

// scan stops at the first line without a "\n": it does not count.
func (m *manifest) scan(flushed uint64, visit func(uint64, logfile.Entry) error) error {
	r := bufio.NewReaderSize(m.file, logfile.MaxLine+1)
	off := int64(0)
	for seq := uint64(0); ; seq++ {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		var e logfile.Entry
		if err == nil {
			e, err = logfile.ParseLine(line[:len(line)-1])
		}
		if err == nil && e.Seq != seq {
			err = fmt.Errorf("it says %d", e.Seq)
		}
		switch {
		case err != nil && seq >= flushed:
			return nil
		case err != nil:
			return m.corrupt(seq, err)
		}
		if err := visit(seq, e); err != nil {
			return err
		}
		off += int64(len(line))
		m.ends = append(m.ends, off)
	}
}

// allFlushed is for a manifest that no records stand behind.
const allFlushed = math.MaxUint64

func (m *manifest) corrupt(seq uint64, err error) error {
	return &CorruptError{logfile.ManifestName, fmt.Sprintf("line %d: %v", seq, err)}
}

func (m *manifest) count() uint64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return uint64(len(m.ends))
}

// start and end of the line seq.
func (m *manifest) span(seq uint64) (from, to int64, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if seq >= uint64(len(m.ends)) {
		return 0, 0, false
	}
	if seq > 0 {
		from = m.ends[seq-1]
	}
	return from, m.ends[seq], true
}

// line reads line seq without its "\n".
func (m *manifest) line(seq uint64) ([]byte, error) {
	from, to, ok := m.span(seq)
	if !ok {
		return nil, fmt.Errorf("manifest has no line %d", seq)
	}
	buf := make([]byte, to-from-1)
	_, err := m.file.ReadAt(buf, from)
	return buf, err
}

func (m *manifest) end() int64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if len(m.ends) == 0 {
		return 0
	}
	return m.ends[len(m.ends)-1]
}

// append writes lines at the end, in one write. After an error the same call
// may be made again: it starts from the same offset.
func (m *manifest) append(lines [][]byte) error {
	off := m.end()
	var buf []byte
	ends := make([]int64, 0, len(lines))
	for _, line := range lines {
		buf = append(append(buf, line...), '\n')
		ends = append(ends, off+int64(len(buf)))
	}
	if err := m.vol.append(m.file, buf, off); err != nil {
		return err
	}
	m.tail = append(m.tail, buf...)
	m.mu.Lock()
	m.ends = append(m.ends, ends...)
	m.mu.Unlock()
	return nil
}

// flush makes all lines durable. The lines since the last flush are written
// again first when that one failed: the kernel forgets a failed page, and a
// second flush alone would report success.
func (m *manifest) flush(again bool) error {
	if again && len(m.tail) > 0 {
		if err := m.vol.append(m.file, m.tail, m.end()-int64(len(m.tail))); err != nil {
			return err
		}
	}
	if err := m.vol.sync(m.file); err != nil {
		return err
	}
	m.tail = nil
	return nil
}

func (m *manifest) close() error { return m.file.Close() }
