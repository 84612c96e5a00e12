// Package wal is the logbook's write-ahead log: the commit records of the groups
// that are durable and not yet flushed elsewhere.
//
// A line is the CRC-32C of its JSON in eight hex digits, a space, and the JSON:
// first the head, then a JSON array of records for each group. A group is one
// line, so it counts whole or not at all. Zeros follow the last line: what is
// written over them is flushed without a change of the file's size, which spares
// the journal where there is one.
//
// Guaranteed: what Append returned for is on stable storage, and Read returns it.
// A file replaces the one before it whole or not at all.
//
// Not guaranteed: after Append failed, that the group is there, or that it is
// not; Start ends the doubt.
package wal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"

	"sealpost/services/server/logbook/engine/disk"
)

// Path is where the log lies on the volume.
const Path = disk.StagingDir + "/records"

const newPath = Path + disk.NewSuffix

// Record is the commit record of one message: where its bytes lie and its
// manifest line, byte for byte. The number is the line's place. Position is the
// message's in a stream that orders messages from outside; 0 where there is none.
type Record struct {
	Staged   string `json:"staged"`
	Line     string `json:"line"`
	Position uint64 `json:"position,omitempty"`
}

// Head is the first line of a records file: everything below Base is
// durable in the manifest, and whatever an earlier records file said of Base
// and above is void.
type Head struct {
	Base uint64 `json:"base"`
}

// Log is the file that recovery replays, open for more. It is for one goroutine
// at a time.
type Log struct {
	vol  *disk.Volume
	file *os.File
	base uint64
	size int64 // up to the end of the last line
	room int64 // up to the end of the zeros
	most int64 // about the size at which a fresh one follows
}

// zerosAhead is how far the file reaches beyond a line that did not fit in it,
// at most.
const zerosAhead = 256 << 10

// Start replaces the records file with a fresh, flushed one, which will
// not grow far beyond most bytes.
func Start(vol *disk.Volume, base uint64, most int64) (*Log, error) {
	_ = vol.Remove(newPath)
	f, err := vol.Create(newPath, 0o600)
	if err != nil {
		return nil, err
	}
	r := &Log{vol: vol, file: f, base: base, most: most}
	if err := r.start(); err != nil {
		_ = f.Close()
		_ = vol.Remove(newPath)
		return nil, err
	}
	return r, nil
}

func (r *Log) start() error {
	head, err := Frame(Head{Base: r.base})
	if err != nil {
		return err
	}
	if err := r.write(newPath, head); err != nil {
		return err
	}
	if err := r.vol.Replace(newPath, Path); err != nil {
		return err
	}
	return r.vol.SyncDir(disk.StagingDir)
}

// Append makes one group durable. After an error the group must be voided by a
// fresh records file before its numbers are used again.
func (r *Log) Append(group []Record) error {
	line, err := Frame(group)
	if err != nil {
		return err
	}
	return r.write(Path, line)
}

// write appends a line and flushes it.
func (r *Log) write(path string, line []byte) error {
	end, room := r.size+int64(len(line)), r.room
	if end > room {
		ahead := min(zerosAhead, r.most)
		line = append(line, make([]byte, ahead)...)
		room = end + ahead
	}
	if err := r.vol.Append(r.file, path, line, r.size); err != nil {
		return err
	}
	if err := r.vol.SyncData(r.file, path); err != nil {
		return err
	}
	r.size, r.room = end, room
	return nil
}

// Size returns how many bytes its lines have.
func (r *Log) Size() int64 { return r.size }

// Close closes the file.
func (r *Log) Close() error { return r.file.Close() }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func Frame(v any) ([]byte, error) {
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

// Unframe returns the JSON of a line without its "\n", or nil when the line is
// not whole.
func Unframe(line []byte) []byte {
	if len(line) < 10 || line[8] != ' ' {
		return nil
	}
	text := line[9:]
	if sum(text) != string(line[:8]) {
		return nil
	}
	return text
}
