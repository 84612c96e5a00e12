package manifest

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/logbooktest"
	"sealpost/shared/logfile"
)

// FuzzScan: the server's own manifest, as a disk may show it after a crash, is
// read up to its last sound line, or refused where a flushed one is not sound.
func FuzzScan(f *testing.F) {
	good := append(append(logbooktest.Line(f, 0), '\n'), append(logbooktest.Line(f, 1), '\n')...)
	f.Add(good, uint8(2))
	f.Add(good[:len(good)-5], uint8(1))
	f.Add(append(bytes.Clone(good), make([]byte, 5000)...), uint8(2))
	f.Add(append(bytes.Clone(good), good...), uint8(0))
	f.Add([]byte("\n{}\n"), uint8(0))
	f.Fuzz(func(t *testing.T, text []byte, flushed uint8) {
		vol := disk.New(t.TempDir())
		if err := errors.Join(vol.Prepare(), os.WriteFile(vol.Path(Path), text, 0o600)); err != nil {
			t.Fatal(err)
		}
		m, err := View(vol)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		var again []byte
		var lines uint64
		begin, err := m.Scan(Position{}, uint64(flushed), func(p Place, e logfile.Entry, line []byte) error {
			spelled, err := e.Line()
			if err != nil || p.Seq != lines || e.Seq != lines || p.Off != int64(len(again)) || !bytes.Equal(spelled, line) {
				t.Fatalf("line %d of %q is read as %q, %v", lines, text, line, err)
			}
			again = append(append(again, line...), '\n')
			lines++
			return nil
		})
		if !bytes.HasPrefix(text, again) || begin.Lines > min(lines, uint64(flushed)) {
			t.Fatalf("%d lines, %+v, of %q", lines, begin, text)
		}
		if err != nil {
			if !errors.As(err, new(*disk.CorruptError)) {
				t.Fatalf("an error without a type: %v", err)
			}
		} else if end := m.End(); end.Lines != lines || end.Bytes != int64(len(again)) {
			t.Fatalf("the end is %+v behind %d lines of %d bytes", end, lines, len(again))
		}
	})
}
