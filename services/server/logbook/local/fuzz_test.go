package local

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sealpost/shared/logfile"
	"sealpost/shared/message"
)

// fuzzLine is the manifest line of message number seq.
func fuzzLine(tb testing.TB, seq uint64) []byte {
	tb.Helper()
	line, err := logfile.Entry{
		V: 1, Seq: seq, File: logfile.FileName(seq), Sender: "store-17", Name: "harbour.txt", Cipher: message.None,
		ReceivedAt: time.Unix(1e9, 0),
	}.Line()
	if err != nil {
		tb.Fatal(err)
	}
	return line
}

// framedLines puts before each line what a sound one begins with, which no
// search would hit upon.
func framedLines(text []byte) []byte {
	var out []byte
	for line := range bytes.Lines(text) {
		body, whole := bytes.CutSuffix(line, []byte("\n"))
		out = append(out, sum(body)...)
		out = append(append(out, ' '), body...)
		if whole {
			out = append(out, '\n')
		}
	}
	return out
}

// FuzzRecords: records are read or refused with a type, only manifest lines in
// their own places and files in staging count, and a file that a crash cut
// anywhere holds the first of its records.
func FuzzRecords(f *testing.F) {
	head, err := frame(recordsHead{})
	if err != nil {
		f.Fatal(err)
	}
	text := bytes.Clone(head)
	for seq := range uint64(3) {
		group, err := frame([]record{{Staged: stagedName(), Line: string(fuzzLine(f, seq))}})
		if err != nil {
			f.Fatal(err)
		}
		text = append(text, group...)
	}
	f.Add(text, false, uint16(40))
	f.Add(text[:len(text)-9], false, uint16(400))
	elsewhere, err := frame([]record{{Staged: "logs/../staging", Line: string(fuzzLine(f, 0))}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(bytes.Clone(head), elsewhere...), false, uint16(1))
	for _, seed := range []string{
		`{"base":0}` + "\n[]\n" + `[{"staged":"staging/m-0","line":"{}"}]` + "\n", `{"base":18446744073709551615}` + "\nnull\n", "{}\n{}", "[]\n", "\n",
	} {
		f.Add([]byte(seed), true, uint16(12))
	}
	f.Fuzz(func(t *testing.T, text []byte, framed bool, cut uint16) {
		if framed {
			text = framedLines(text)
		}
		head, all, err := parseRecords(text)
		if err != nil {
			wantCorrupt(t, err)
			return
		}
		short, some, err := parseRecords(text[:min(len(text), int(cut))])
		if err == nil && (short != head || len(some) > len(all)) {
			t.Fatalf("cut at %d: %+v and %d records, of %+v and %d", cut, short, len(some), head, len(all))
		}
		for i := range some {
			if err == nil && some[i] != all[i] {
				t.Fatalf("cut at %d: record %d is %+v, not %+v", cut, i, some[i], all[i])
			}
		}
		checkRecorded(t, head, all)
	})
}

func checkRecorded(t *testing.T, head recordsHead, all []record) {
	t.Helper()
	entries, err := parseRecorded(head.Base, all)
	if err != nil {
		wantCorrupt(t, err)
		return
	}
	for i, e := range entries {
		line, err := e.Line()
		if err != nil || string(line) != all[i].Line || e.Seq != head.Base+uint64(i) || filepath.Dir(all[i].Staged) != stagingDir {
			t.Fatalf("record %d, %+v, is read as %q, %v", i, all[i], line, err)
		}
	}
}

func wantCorrupt(t *testing.T, err error) {
	t.Helper()
	if !errors.As(err, new(*CorruptError)) {
		t.Fatalf("an error without a type: %v", err)
	}
}

// FuzzScan: the server's own manifest, as a disk may show it after a crash, is
// read up to its last sound line, or refused where a flushed one is not sound.
func FuzzScan(f *testing.F) {
	good := append(append(fuzzLine(f, 0), '\n'), append(fuzzLine(f, 1), '\n')...)
	f.Add(good, uint8(2))
	f.Add(good[:len(good)-5], uint8(1))
	f.Add(append(bytes.Clone(good), make([]byte, 5000)...), uint8(2))
	f.Add(append(bytes.Clone(good), good...), uint8(0))
	f.Add([]byte("\n{}\n"), uint8(0))
	f.Fuzz(func(t *testing.T, text []byte, flushed uint8) {
		file, err := os.Create(filepath.Join(t.TempDir(), "manifest"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.Write(text); err != nil {
			t.Fatal(err)
		}
		var again []byte
		var lines uint64
		m := &manifest{file: file}
		begin, err := m.scan(position{}, uint64(flushed), func(p place, e logfile.Entry, line []byte) error {
			spelled, err := e.Line()
			if err != nil || p.seq != lines || e.Seq != lines || p.off != int64(len(again)) || !bytes.Equal(spelled, line) {
				t.Fatalf("line %d of %q is read as %q, %v", lines, text, line, err)
			}
			again = append(append(again, line...), '\n')
			lines++
			return nil
		})
		if !bytes.HasPrefix(text, again) || begin.lines > min(lines, uint64(flushed)) {
			t.Fatalf("%d lines, %+v, of %q", lines, begin, text)
		}
		if err != nil {
			wantCorrupt(t, err)
		} else if end := m.end(); end.lines != lines || end.bytes != int64(len(again)) {
			t.Fatalf("the end is %+v behind %d lines of %d bytes", end, lines, len(again))
		}
	})
}

// FuzzIndexValues: what the index file says of its messages is read in its one
// form, or refused. The file itself is bbolt's; one that bbolt cannot read is
// made anew.
func FuzzIndexValues(f *testing.F) {
	f.Add(place{1, 2, 3}.bytes(), coverOf(position{2, 5}, anchor{last: place{1, 2, 3}, crc: 7}))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, at, cover []byte) {
		if p, err := placeOf(at); err == nil && !bytes.Equal(p.bytes(), at) {
			t.Fatalf("%x is read as %+v", at, p)
		}
		if to, a, err := parseCover(cover); err == nil && !bytes.Equal(coverOf(to, a), cover) {
			t.Fatalf("%x is read as %+v, %+v", cover, to, a)
		}
	})
}
