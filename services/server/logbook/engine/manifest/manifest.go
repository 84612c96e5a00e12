// Package manifest keeps logs/manifest.jsonl: line N is message N.
//
// Guaranteed: a line that Scan gives to its visitor is whole and in its place.
// What Flush returned for is on stable storage, also where a flush before it had
// failed.
//
// Not guaranteed: that lines are durable before Flush; the write-ahead log holds
// the same bytes until then.
package manifest

import (
	"bytes"
	"fmt"
	"os"
	"sync"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/shared/logfile"
)

// Path is where the manifest lies on the volume.
const Path = disk.LogsDir + "/" + logfile.ManifestName

// Place is where a line lies.
type Place struct {
	Seq  uint64
	Off  int64
	Size uint32 // with its "\n"
}

// Position is how far into the manifest something reaches.
type Position struct {
	Lines uint64
	Bytes int64
}

// After is the position behind the line at p.
func (p Place) After() Position { return Position{p.Seq + 1, p.Off + int64(p.Size)} }

// Manifest is the file. One goroutine may change it; End, Count and Line are for
// all.
type Manifest struct {
	vol  *disk.Volume
	file *os.File

	mu   sync.RWMutex
	last Position // the lines that are there

	tail   [][]byte // what was written since the last flush
	failed bool     // that flush: the tail must be written again before the next
}

// Open opens the manifest, which may have to be made. Its lines are known once
// Scan has been through them.
func Open(vol *disk.Volume) (*Manifest, error) {
	f, err := vol.Open(Path, 0o644)
	if err != nil {
		return nil, err
	}
	return &Manifest{vol: vol, file: f}, nil
}

// View opens the manifest for Scan and Line alone. The error is fs.ErrNotExist
// where there is none.
func View(vol *disk.Volume) (*Manifest, error) {
	f, err := os.Open(vol.Path(Path))
	if err != nil {
		return nil, err
	}
	return &Manifest{vol: vol, file: f}, nil
}

func (m *Manifest) setEnd(to Position) {
	m.mu.Lock()
	m.last = to
	m.mu.Unlock()
}

// End returns where the next line belongs.
func (m *Manifest) End() Position {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.last
}

// Count returns the number of lines.
func (m *Manifest) Count() uint64 { return m.End().Lines }

// Line reads the line at p without its "\n".
func (m *Manifest) Line(p Place) ([]byte, error) {
	if p.Size > logfile.MaxLine+1 {
		return nil, disk.Corrupt(logfile.ManifestName, fmt.Sprintf("line %d of %d bytes", p.Seq, p.Size))
	}
	buf := make([]byte, p.Size)
	if _, err := m.file.ReadAt(buf, p.Off); err != nil {
		return nil, err
	}
	if len(buf) == 0 || buf[len(buf)-1] != '\n' {
		return nil, disk.Corrupt(logfile.ManifestName, fmt.Sprintf("no line %d at byte %d", p.Seq, p.Off))
	}
	return buf[:len(buf)-1], nil
}

// Append writes lines at the end, in one write, and returns where they lie.
// After an error the same call may be made again: it starts from the same
// offset.
func (m *Manifest) Append(lines [][]byte) ([]Place, error) {
	from := m.End()
	to := from
	size := 0
	for _, line := range lines {
		size += len(line) + 1
	}
	buf := make([]byte, 0, size)
	places := make([]Place, 0, len(lines))
	for _, line := range lines {
		buf = append(append(buf, line...), '\n')
		p := Place{to.Lines, to.Bytes, uint32(len(line) + 1)}
		places = append(places, p)
		to = p.After()
	}
	if err := m.vol.Append(m.file, Path, buf, from.Bytes); err != nil {
		return nil, err
	}
	m.tail = append(m.tail, buf)
	m.setEnd(to)
	return places, nil
}

// Restore writes recorded lines to their places, from begin on, also those that
// seem to be there: after a failed flush the page cache can show what the disk
// lacks. What stands behind them is cut off.
func (m *Manifest) Restore(begin Position, lines [][]byte) (places []Place, err error) {
	m.setEnd(begin)
	if len(lines) > 0 {
		if places, err = m.Append(lines); err != nil {
			return nil, err
		}
	}
	return places, m.cut()
}

// cut takes off what stands behind the last line.
func (m *Manifest) cut() error {
	info, err := m.file.Stat()
	if err != nil || info.Size() <= m.End().Bytes {
		return err
	}
	return m.vol.Cut(m.file, Path, m.End().Bytes)
}

// Flush makes all lines durable. The lines since the last flush are written
// again first when that one failed: the kernel forgets a failed page, and a
// second flush alone would report success.
func (m *Manifest) Flush() error {
	if m.failed && len(m.tail) > 0 {
		tail := bytes.Join(m.tail, nil)
		if err := m.vol.Append(m.file, Path, tail, m.End().Bytes-int64(len(tail))); err != nil {
			return err
		}
	}
	if err := m.vol.Sync(m.file, Path); err != nil {
		m.failed = true
		return err
	}
	m.tail, m.failed = nil, false
	return nil
}

// Close closes the file.
func (m *Manifest) Close() error { return m.file.Close() }
