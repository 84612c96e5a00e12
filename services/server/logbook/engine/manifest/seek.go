package manifest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/shared/logfile"
	"sealpost/shared/numbers"
)

// searchWindow is how close Each comes to a line by halving, in bytes; the rest of
// the way it reads.
const searchWindow = 64 << 10

// Each gives the entry of every line of r that is there to visit, in order of number,
// and ends with the first error. It may run beside the goroutine that appends; the
// lines before those of r are not read.
func (m *Manifest) Each(r numbers.Range, visit func(logfile.Entry) error) error {
	end := m.End()
	if r.First >= end.Lines {
		return nil
	}
	at, err := m.before(r.First, end)
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(io.NewSectionReader(m.file, at.Bytes, end.Bytes-at.Bytes), logfile.MaxLine+1)
	for seq := at.Lines; seq < end.Lines && seq <= r.Last; seq++ {
		e, _, err := nextLine(in, seq)
		if err != nil {
			return disk.Corrupt(logfile.ManifestName, fmt.Sprintf("line %d: %v", seq, err))
		}
		if seq < r.First {
			continue
		}
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// before returns the beginning of line number seq or of one shortly before it. Each
// line says its number, so that halving finds it.
func (m *Manifest) before(seq uint64, end Position) (at Position, err error) {
	for high := end.Bytes; high-at.Bytes > searchWindow; {
		middle := at.Bytes + (high-at.Bytes)/2
		found, err := m.behind(middle)
		if err != nil {
			return at, err
		}
		if found.Lines > seq {
			high = middle
		} else {
			at = found
		}
	}
	return at, nil
}

// behind returns the beginning of the first line that begins behind a byte. As many bytes as two
// lines can have must stand there.
func (m *Manifest) behind(off int64) (Position, error) {
	buf := make([]byte, 2*(logfile.MaxLine+1))
	n, err := m.file.ReadAt(buf, off)
	if n < len(buf) {
		return Position{}, err
	}
	_, rest, _ := bytes.Cut(buf, []byte("\n"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	e, err := logfile.ParseLine(line)
	if err != nil {
		return Position{}, disk.Corrupt(logfile.ManifestName, fmt.Sprintf("behind byte %d: %v", off, err))
	}
	return Position{e.Seq, off + int64(len(buf)-len(rest))}, nil
}
