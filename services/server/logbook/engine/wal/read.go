package wal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"sealpost/services/server/logbook/engine/disk"
)

const maxSize = 512 << 20 // more than any log between two rotations

// Read returns the head and the records of all whole groups. ok is false
// where there is no records file.
func Read(vol *disk.Volume) (head Head, all []Record, ok bool, err error) {
	path := vol.Path(Path)
	n, exists, err := disk.Size(path)
	if err != nil || !exists {
		return head, nil, false, err
	}
	if n < 0 || n > maxSize {
		return head, nil, false, disk.Corrupt(Path, "not a file of a size that can be")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return head, nil, false, err
	}
	if bytes.HasPrefix(text, []byte(unfinished)) {
		return head, nil, false, errUnfinished
	}
	head, all, err = Parse(text)
	return head, all, err == nil, err
}

// Parse reads up to the first line that is not whole. That is where a
// crash cut the last append, unless a whole line follows.
func Parse(text []byte) (head Head, all []Record, err error) {
	lines := bytes.SplitAfter(text, []byte("\n"))
	first := Unframe(bytes.TrimSuffix(lines[0], []byte("\n")))
	if first == nil || json.Unmarshal(first, &head) != nil {
		return head, nil, disk.Corrupt(Path, "its first line is not whole")
	}
	for i, line := range lines[1:] {
		body, whole := bytes.CutSuffix(line, []byte("\n"))
		var group []Record
		if text := Unframe(body); !whole || text == nil || json.Unmarshal(text, &group) != nil {
			return head, all, tornTail(lines[i+2:])
		}
		all = append(all, group...)
	}
	return head, all, nil
}

func tornTail(rest [][]byte) error {
	for _, line := range rest {
		if Unframe(bytes.TrimSuffix(line, []byte("\n"))) != nil {
			return disk.Corrupt(Path, "a broken line stands before a whole one")
		}
	}
	return nil
}
