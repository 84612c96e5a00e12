package manifest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/shared/logfile"
)

// AllFlushed is for a manifest that no records stand behind.
const AllFlushed = math.MaxUint64

// Visitor is given each whole line, without its "\n"; it is gone after the call.
type Visitor func(p Place, e logfile.Entry, line []byte) error

// Scan reads every whole line behind from, gives each to visit, and returns
// where line number flushed begins, or the end where there are fewer. A line
// without a "\n" does not count. Lines from flushed on, which the records hold
// too, end at the first that is not sound: a power cut can leave zeros in their
// place. One below it that is not sound is a *disk.CorruptError.
func (m *Manifest) Scan(from Position, flushed uint64, visit Visitor) (begin Position, err error) {
	r := bufio.NewReaderSize(io.NewSectionReader(m.file, from.Bytes, math.MaxInt64-from.Bytes), logfile.MaxLine+1)
	at := from
	begin = from
	for {
		e, line, err := nextLine(r, at.Lines)
		switch {
		case errors.Is(err, io.EOF), err != nil && at.Lines >= flushed:
			m.setEnd(at)
			return begin, nil
		case err != nil:
			return begin, disk.Corrupt(logfile.ManifestName, fmt.Sprintf("line %d: %v", at.Lines, err))
		}
		p := Place{at.Lines, at.Bytes, uint32(len(line) + 1)}
		if err := visit(p, e, line); err != nil {
			return begin, err
		}
		at = p.After()
		if at.Lines <= flushed {
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
