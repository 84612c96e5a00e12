package local

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"testing"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/services/server/logbook/logbooktest"
)

// framedLines puts before each line what a sound one begins with, which no
// search would hit upon.
func framedLines(text []byte) []byte {
	var out []byte
	for line := range bytes.Lines(text) {
		body, whole := bytes.CutSuffix(line, []byte("\n"))
		out = append(out, fmt.Sprintf("%08x", crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))...)
		out = append(append(out, ' '), body...)
		if whole {
			out = append(out, '\n')
		}
	}
	return out
}

// framed is a line of the records.
func framed(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	return framedLines(append(text, '\n')), err
}

// FuzzRecords: records are read or refused with a type, only manifest lines in
// their own places and files in staging count, and a file that a crash cut
// anywhere holds the first of its records.
func FuzzRecords(f *testing.F) {
	head, err := framed(wal.Head{})
	if err != nil {
		f.Fatal(err)
	}
	text := bytes.Clone(head)
	for seq := range uint64(3) {
		group, err := framed([]wal.Record{{Staged: stagedName(), Line: string(logbooktest.Line(f, seq))}})
		if err != nil {
			f.Fatal(err)
		}
		text = append(text, group...)
	}
	f.Add(text, false, uint16(40))
	f.Add(text[:len(text)-9], false, uint16(400))
	elsewhere, err := framed([]wal.Record{{Staged: "logs/../staging", Line: string(logbooktest.Line(f, 0))}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(bytes.Clone(head), elsewhere...), false, uint16(1))
	for _, seed := range []string{
		`{"base":0}` + "\n[]\n" + `[{"staged":"staging/m-0","line":"{}"}]` + "\n",
		`{"base":18446744073709551615}` + "\nnull\n", "{}\n{}", "[]\n", "\n",
	} {
		f.Add([]byte(seed), true, uint16(12))
	}
	f.Fuzz(func(t *testing.T, text []byte, asLines bool, cut uint16) {
		if asLines {
			text = framedLines(text)
		}
		head, all, err := wal.Parse(text)
		if err != nil {
			wantCorrupt(t, err)
			return
		}
		short, some, err := wal.Parse(text[:min(len(text), int(cut))])
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

func checkRecorded(t *testing.T, head wal.Head, all []wal.Record) {
	t.Helper()
	entries, err := fit.ParseRecords(head.Base, all)
	if err != nil {
		wantCorrupt(t, err)
		return
	}
	for i, e := range entries {
		line, err := e.Line()
		if err != nil || string(line) != all[i].Line || e.Seq != head.Base+uint64(i) ||
			filepath.Dir(all[i].Staged) != disk.StagingDir {
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
