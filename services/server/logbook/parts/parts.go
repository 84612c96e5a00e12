// Package parts keeps what has come of large messages whose connections broke, so
// that they can go on where they were.
//
//	DIR/staging/m-<digits>   a message's staged file, whose beginning is the part
//	DIR/staging/p-<digits>   its newest states
//
// The second has two places of 4 KiB, written in turn, each with a line in the
// form of package wal: how many bytes of the message are a part, and the states of
// the digests behind them, so that none of them is read again. A state is written
// when the bytes that it speaks of are flushed. A place that is torn leaves the
// other.
//
// Guaranteed: what Read returns was true when it was written, whatever was cut off
// since. Not guaranteed: that the bytes are still those. Who goes on with a part
// finds out by the message's digest only where the part itself was not altered on
// the disk, as with every file on it.
package parts

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"time"

	"sealpost/services/server/logbook"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/shared/bounded"
)

// FileSize is how many bytes the states of one part take.
const FileSize = 2 * place

// place is more than a state with the longest names takes.
const place = 4 << 10

// State says how much of a message is a part.
type State struct {
	Draft    logbook.Draft `json:"draft"`
	Received time.Time     `json:"received"` // when the message began to come, in the zone of the log file
	Offset   uint64        `json:"offset"`   // bytes of the message
	Message  []byte        `json:"message"`  // state of their digest
	Whole    []byte        `json:"whole"`    // state of that of the log file up to them
	Saved    time.Time     `json:"saved"`
}

// NameOf returns the name of the states that belong to a staged file.
func NameOf(staged string) string {
	return disk.StagingDir + "/" + disk.PartPrefix + strings.TrimPrefix(staged, disk.StagingDir+"/"+disk.StagedPrefix)
}

// StagedOf returns the name of the staged file that states belong to.
func StagedOf(states string) string {
	return disk.StagingDir + "/" + disk.StagedPrefix + strings.TrimPrefix(states, disk.StagingDir+"/"+disk.PartPrefix)
}

// File are the states of one part, open for more. It is for one goroutine at a
// time.
type File struct {
	vol  *disk.Volume
	name string
	file *os.File
	next int64 // the place of the next state
	made bool  // its name may not be durable yet
}

// Create makes the file for a part that has no state yet.
func Create(vol *disk.Volume, name string) (*File, error) {
	f, err := vol.Create(name, 0o600)
	if err != nil {
		return nil, err
	}
	return &File{vol: vol, name: name, file: f, made: true}, nil
}

// Reopen opens the file of a part that goes on.
func Reopen(vol *disk.Volume, name string) (*File, error) {
	_, at, err := read(vol, name)
	if err != nil {
		return nil, err
	}
	f, err := vol.Open(name, 0o600)
	if err != nil {
		return nil, err
	}
	return &File{vol: vol, name: name, file: f, next: place - at}, nil
}

// Save makes a state durable, and the names of its file and the staged one. The
// bytes that it speaks of are flushed.
func (f *File) Save(s State) error {
	line, err := wal.Frame(s)
	if err != nil {
		return err
	}
	if len(line) > place {
		return errors.New("the state of a part is too long")
	}
	if _, err := f.vol.WriteAt(f.file, f.name, line, f.next); err != nil {
		return err
	}
	if err := f.vol.SyncData(f.file, f.name); err != nil {
		return err
	}
	if f.made {
		if err := f.vol.SyncDir(disk.StagingDir); err != nil {
			return err
		}
		f.made = false
	}
	f.next = place - f.next
	return nil
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// ErrNone means that no place holds a whole state.
var ErrNone = errors.New("no whole state of a part")

// Read returns the newest state. The error is ErrNone or one of reading.
func Read(vol *disk.Volume, name string) (State, error) {
	s, _, err := read(vol, name)
	return s, err
}

// read returns also where it stands.
func read(vol *disk.Volume, name string) (newest State, at int64, err error) {
	text, err := bounded.ReadFile(vol.Path(name), FileSize)
	if err != nil {
		return State{}, 0, err
	}
	found := false
	for from := int64(0); from < int64(len(text)); from += place {
		s, ok := parse(text[from:min(from+place, int64(len(text)))])
		if ok && (!found || s.Offset > newest.Offset) {
			newest, at, found = s, from, true
		}
	}
	if !found {
		return State{}, 0, ErrNone
	}
	return newest, at, nil
}

// parse reads the line at the beginning of a place. An older one may have been
// longer: what is left of it follows.
func parse(text []byte) (s State, ok bool) {
	line, _, whole := bytes.Cut(text, []byte("\n"))
	body := wal.Unframe(line)
	if !whole || body == nil || json.Unmarshal(body, &s) != nil {
		return State{}, false
	}
	return s, true
}
