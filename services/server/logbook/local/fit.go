package local

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

const (
	idName = "logbook"
	idPath = disk.StagingDir + "/" + idName
)

// MisfitError means that the log volume and the state volume do not belong
// together: one was lost, exchanged, or restored from another day.
type MisfitError struct{ Reason string }

func (e *MisfitError) Error() string { return "volumes do not fit: " + e.Reason }

// fit judges whether a log volume belongs to the logbook that the state volume
// knows. The start of a server and Judge ask it alike.
type fit struct {
	id     string
	known  []byte
	notary engine.Notary
}

// leaves are the manifest's lines as a tree has them.
type leaves interface {
	Size() uint64
	Root(n uint64) (tlog.Hash, error)
}

// checkpoints are the two that a log volume must agree with.
func (f fit) checkpoints(ofVolume []byte) []storedCheckpoint {
	return []storedCheckpoint{
		{"the checkpoint of the log volume", ofVolume}, {"the checkpoint of the state volume", f.known},
	}
}

// storedCheckpoint is a checkpoint as one of the volumes has it, or none.
type storedCheckpoint struct {
	where string
	text  []byte
}

// checkID compares the id on the volume, whose records and manifest hold so
// many messages and bytes.
func (f fit) checkID(vol *disk.Volume, entries uint64, records bool) error {
	id, err := idOn(vol)
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
	case id != "" && id != f.id:
		return &MisfitError{fmt.Sprintf("the log volume belongs to logbook %s, the state volume to %s", id, f.id)}
	case id != "" && !records:
		return disk.Corrupt(wal.Path, "it is missing")
	}
	return nil
}

// checkEmpty judges a volume with empty records and no id, as a crash of the very
// first start leaves it. No message is kept before the id is durable, so nothing is
// lost, unless the state volume knows of a message.
func (f fit) checkEmpty() error {
	if len(f.known) == 0 {
		return nil
	}
	c, err := f.notary.OpenCheckpoint(f.known)
	if err == nil && c.Size == 0 && c.Origin == receipt.Origin(f.id) {
		return nil
	}
	return &MisfitError{"the log volume is empty and does not say of which logbook"}
}

// checkCheckpoint compares the manifest's lines with a checkpoint.
func (f fit) checkCheckpoint(s storedCheckpoint, have leaves) error {
	if len(s.text) == 0 {
		return nil
	}
	c, err := f.notary.OpenCheckpoint(s.text)
	if err != nil {
		return &MisfitError{fmt.Sprintf("%s: %v", s.where, err)}
	}
	if c.Origin != receipt.Origin(f.id) {
		return &MisfitError{fmt.Sprintf("%s is of %s, not of %s", s.where, c.Origin, receipt.Origin(f.id))}
	}
	if n := have.Size(); n < c.Size {
		return &ForkError{Where: s.where, Size: c.Size, Have: n}
	}
	root, err := have.Root(c.Size)
	if err != nil {
		return err
	}
	if root != c.Root {
		return &ForkError{Where: s.where, Size: c.Size, Have: have.Size()}
	}
	return nil
}

// writeID puts the logbook's id on the volume, durably: what the state volume
// remembers of the logbook must not be younger.
func writeID(v *disk.Volume, id string) error {
	if err := v.ReplaceWith(idPath+disk.NewSuffix, idPath, 0o600, []byte(id+"\n")); err != nil {
		return err
	}
	return v.SyncDir(disk.StagingDir)
}

// idOn returns the id of the logbook on the volume, "" where there is none.
func idOn(v *disk.Volume) (string, error) {
	text, err := os.ReadFile(v.Path(idPath))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	id := string(text)
	if len(id) == 0 || id[len(id)-1] != '\n' {
		return "", disk.Corrupt(idName, "its line is not whole")
	}
	return id[:len(id)-1], nil
}

// ReadID returns the id of the logbook on the volume dir, "" where there is none.
func ReadID(dir string) (string, error) { return idOn(disk.New(dir)) }
