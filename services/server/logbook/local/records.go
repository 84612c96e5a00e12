package local

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
)

const (
	recordsPath    = stagingDir + "/records"
	recordsNewPath = recordsPath + newSuffix
	maxRecordsSize = 512 << 20 // more than any log between two checkpoints
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// record is the commit record of one message: where its bytes lie and its
// manifest line, byte for byte. The number is the line's place.
type record struct {
	Staged string `json:"staged"`
	Line   string `json:"line"`
}

// recordsHead is the first line of a records file: everything below Base is
// durable in the manifest, and whatever an earlier records file said of Base
// and above is void.
type recordsHead struct {
	Base uint64 `json:"base"`
}

// records is the log that recovery replays. A line is the CRC-32C of its JSON
// in eight hex digits, a space, and the JSON: first the head, then a JSON array
// of records for each group. A group is one line, so it counts whole or not at
// all. Zeros follow the last line: what is written over them is flushed without
// a change of the file's size, which spares the journal where there is one.
type records struct {
	vol  *volume
	file *os.File
	base uint64
	size int64 // up to the end of the last line
	room int64 // up to the end of the zeros
	most int64 // about the size at which a fresh one follows
}

// zerosAhead is how far the file reaches beyond a line that did not fit in it,
// at most.
const zerosAhead = 256 << 10

// startRecords replaces the records file with a fresh, flushed one, which will
// not grow far beyond most bytes.
func startRecords(vol *volume, base uint64, most int64) (*records, error) {
	_ = vol.remove(recordsNewPath)
	f, err := vol.create(recordsNewPath, 0o600)
	if err != nil {
		return nil, err
	}
	r := &records{vol: vol, file: f, base: base, most: most}
	if err := r.start(); err != nil {
		_ = f.Close()
		_ = vol.remove(recordsNewPath)
		return nil, err
	}
	return r, nil
}

func (r *records) start() error {
	head, err := frame(recordsHead{Base: r.base})
	if err != nil {
		return err
	}
	if err := r.write(recordsNewPath, head); err != nil {
		return err
	}
	if err := r.vol.replace(recordsNewPath, recordsPath); err != nil {
		return err
	}
	return r.vol.syncDir(stagingDir)
}

// append makes one group durable. After an error the group must be voided by a
// fresh records file before its numbers are used again.
func (r *records) append(group []record) error {
	line, err := frame(group)
	if err != nil {
		return err
	}
	return r.write(recordsPath, line)
}

// write appends a line and flushes it.
func (r *records) write(path string, line []byte) error {
	end, room := r.size+int64(len(line)), r.room
	if end > room {
		ahead := min(zerosAhead, r.most)
		line = append(line, make([]byte, ahead)...)
		room = end + ahead
	}
	if err := r.vol.append(r.file, path, line, r.size); err != nil {
		return err
	}
	if err := r.vol.syncData(r.file, path); err != nil {
		return err
	}
	r.size, r.room = end, room
	return nil
}

func (r *records) close() error { return r.file.Close() }

func frame(v any) ([]byte, error) {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	text := body.Bytes()[:body.Len()-1]
	return fmt.Appendf(nil, "%s %s\n", sum(text), text), nil
}

func sum(text []byte) string { return fmt.Sprintf("%08x", crc32.Checksum(text, castagnoli)) }

// unframe returns the JSON of a line without its "\n", or nil when the line is
// not whole.
func unframe(line []byte) []byte {
	if len(line) < 10 || line[8] != ' ' {
		return nil
	}
	text := line[9:]
	if sum(text) != string(line[:8]) {
		return nil
	}
	return text
}

// CorruptError means that the logbook's own files contradict each other in a
// way that no crash can cause. Nothing is changed; an operator must look.
type CorruptError struct {
	File   string
	Reason string
}

func (e *CorruptError) Error() string { return fmt.Sprintf("%s: %s", e.File, e.Reason) }

// readRecords returns the head and the records of all whole groups. ok is false
// where there is no records file.
func readRecords(vol *volume) (head recordsHead, all []record, ok bool, err error) {
	path := vol.path(recordsPath)
	n, exists, err := size(path)
	if err != nil || !exists {
		return head, nil, false, err
	}
	if n < 0 || n > maxRecordsSize {
		return head, nil, false, &CorruptError{recordsPath, "not a file of a size that can be"}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return head, nil, false, err
	}
	head, all, err = parseRecords(text)
	return head, all, err == nil, err
}

// parseRecords reads up to the first line that is not whole. That is where a
// crash cut the last append, unless a whole line follows.
func parseRecords(text []byte) (head recordsHead, all []record, err error) {
	lines := bytes.SplitAfter(text, []byte("\n"))
	first := unframe(bytes.TrimSuffix(lines[0], []byte("\n")))
	if first == nil || json.Unmarshal(first, &head) != nil {
		return head, nil, &CorruptError{recordsPath, "its first line is not whole"}
	}
	for i, line := range lines[1:] {
		body, whole := bytes.CutSuffix(line, []byte("\n"))
		var group []record
		if text := unframe(body); !whole || text == nil || json.Unmarshal(text, &group) != nil {
			return head, all, tornTail(lines[i+2:])
		}
		all = append(all, group...)
	}
	return head, all, nil
}

func tornTail(rest [][]byte) error {
	for _, line := range rest {
		if unframe(bytes.TrimSuffix(line, []byte("\n"))) != nil {
			return &CorruptError{recordsPath, "a broken line stands before a whole one"}
		}
	}
	return nil
}
