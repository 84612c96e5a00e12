// Package fit judges log volumes by what lies on them: whether there is one, of which
// logbook, how many messages it holds, and whether it belongs to what a state volume
// knows.
//
// Guaranteed: Judge says what the start of a server would say, and changes nothing.
//
// Not guaranteed: that the log files are those that were signed for; a verification
// compares them.
package fit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"sealpost/services/server/logbook/engine"
	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/engine/manifest"
	"sealpost/services/server/logbook/engine/wal"
	"sealpost/shared/crypto/receipt"
)

// The file with the logbook's id, by its name and by its path on the volume.
const (
	IDName = "logbook"
	IDPath = disk.StagingDir + "/" + IDName
)

// SeveralPath is where it lies on a volume of several servers how far the log was read that they
// have in common.
const SeveralPath = disk.StagingDir + "/fold"

// SeveralError means that the log volume is one of several servers, and was to be written by a
// server that has its logbook alone: the others would know nothing of it.
type SeveralError struct{}

func (e *SeveralError) Error() string {
	return "the log volume is that of one of several servers"
}

// Fix is the remedy.
func (e *SeveralError) Fix() string {
	return "set SERVER_LOGBOOK=nats; or, if the server is to leave the others for good: server cluster leave"
}

// Alone is a *SeveralError where a volume is one of several servers.
func Alone(vol *disk.Volume) error {
	free, err := vol.IsFree(SeveralPath)
	if err == nil && !free {
		err = &SeveralError{}
	}
	return err
}

// MisfitError means that the log volume and the state volume do not belong
// together: one was lost, exchanged, or restored from another day.
type MisfitError struct{ Reason string }

func (e *MisfitError) Error() string { return "volumes do not fit: " + e.Reason }

// Known is what the state volume knows of its logbook. A log volume is judged by it
// alike at the start of a server and by Judge.
type Known struct {
	ID         string
	Checkpoint []byte // that the log volume must extend; or none
	Serial     uint64 // of its note of retired messages, which has no lower one; 0 for none
	Notary     engine.Notary
}

// Leaves are the manifest's lines as a tree has them.
type Leaves interface {
	Size() uint64
	Root(n uint64) (tlog.Hash, error)
}

// Checkpoints are the two that a log volume must agree with.
func (f Known) Checkpoints(ofVolume []byte) []Stored {
	return []Stored{
		{"the checkpoint of the log volume", ofVolume}, {"the checkpoint of the state volume", f.Checkpoint},
	}
}

// Stored is a checkpoint as one of the volumes has it, or none.
type Stored struct {
	Where string // the words for it
	Text  []byte
}

// CheckID compares the id on the volume, whose records and manifest hold so
// many messages and bytes.
func (f Known) CheckID(vol *disk.Volume, entries uint64, records bool) error {
	id, err := IDOn(vol)
	if err != nil {
		return err
	}
	lines, _, err := disk.Size(vol.Path(manifest.Path))
	switch {
	case err != nil:
		return err
	case id == "" && (entries > 0 || lines > 0):
		return &MisfitError{"the log volume holds messages and does not say of which logbook"}
	case id == "" && records:
		return f.checkEmpty()
	case id != "" && id != f.ID:
		return &MisfitError{fmt.Sprintf("the log volume belongs to logbook %s, the state volume to %s", id, f.ID)}
	case id != "" && !records:
		return disk.Corrupt(wal.Path, "it is missing")
	}
	return nil
}

// checkEmpty judges a volume with empty records and no id, as a crash of the very
// first start leaves it. No message is kept before the id is durable, so nothing is
// lost, unless the state volume knows of a message.
func (f Known) checkEmpty() error {
	if len(f.Checkpoint) == 0 {
		return nil
	}
	c, err := f.Notary.OpenCheckpoint(f.Checkpoint)
	if err == nil && c.Size == 0 && c.Origin == receipt.Origin(f.ID) {
		return nil
	}
	return &MisfitError{"the log volume is empty and does not say of which logbook"}
}

// CheckCheckpoint compares the manifest's lines with a checkpoint.
func (f Known) CheckCheckpoint(s Stored, have Leaves) error {
	if len(s.Text) == 0 {
		return nil
	}
	c, err := f.Notary.OpenCheckpoint(s.Text)
	if err != nil {
		return &MisfitError{fmt.Sprintf("%s: %v", s.Where, err)}
	}
	if c.Origin != receipt.Origin(f.ID) {
		return &MisfitError{fmt.Sprintf("%s is of %s, not of %s", s.Where, c.Origin, receipt.Origin(f.ID))}
	}
	if n := have.Size(); n < c.Size {
		return &ForkError{Where: s.Where, Size: c.Size, Have: n}
	}
	root, err := have.Root(c.Size)
	if err != nil {
		return err
	}
	if root != c.Root {
		return &ForkError{Where: s.Where, Size: c.Size, Have: have.Size()}
	}
	return nil
}

// WriteID puts the logbook's id on the volume, durably: what the state volume
// remembers of the logbook must not be younger.
func WriteID(v *disk.Volume, id string) error {
	if err := v.ReplaceWith(IDPath+disk.NewSuffix, IDPath, 0o600, []byte(id+"\n")); err != nil {
		return err
	}
	return v.SyncDir(disk.StagingDir)
}

// IDOn returns the id of the logbook on the volume, "" where there is none.
func IDOn(v *disk.Volume) (string, error) {
	text, err := os.ReadFile(v.Path(IDPath))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	id := string(text)
	if len(id) == 0 || id[len(id)-1] != '\n' {
		return "", disk.Corrupt(IDName, "its line is not whole")
	}
	return id[:len(id)-1], nil
}

// ReadID returns the id of the logbook on the volume dir, "" where there is none.
func ReadID(dir string) (string, error) { return IDOn(disk.New(dir)) }
