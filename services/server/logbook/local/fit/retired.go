package fit

import (
	"errors"
	"fmt"
	"io/fs"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/shared/bounded"
	"sealpost/shared/crypto/receipt"
	"sealpost/shared/logfile"
)

// RetiredPath is where the note of retired messages lies on the volume.
const RetiredPath = disk.LogsDir + "/" + logfile.RetiredName

// ReadRetired returns the note that lies beside the manifest, nil for none.
func ReadRetired(v *disk.Volume) ([]byte, error) {
	text, err := bounded.ReadFile(v.Path(RetiredPath), int64(receipt.MaxRetired))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, bounded.ErrTooLong):
		return nil, disk.Corrupt(logfile.RetiredName, "not a file of a size that can be")
	}
	return text, err
}

// OpenRetired judges the note of a log volume, nil for none. A *MisfitError says that
// this server did not sign it for this logbook, or a later one before.
func (f Known) OpenRetired(text []byte) (r receipt.Retired, err error) {
	if text != nil {
		if r, err = f.Notary.OpenRetired(text); err != nil {
			return receipt.Retired{}, misfit("the list of retired messages: %v", err)
		}
		if want := receipt.RetiredOrigin(f.ID); r.Origin != want {
			return receipt.Retired{}, misfit("the list of retired messages is of %s, not of %s", r.Origin, want)
		}
	}
	if r.Serial < f.Serial {
		return receipt.Retired{}, misfit(
			"the list of retired messages has serial %d, and was at %d before", r.Serial, f.Serial)
	}
	return r, nil
}

// CheckReach compares a note with the number of messages: only those that are kept
// are retired.
func CheckReach(r receipt.Retired, messages uint64) error {
	if last, some := r.Numbers.Last(); some && last >= messages {
		return misfit("message %d was retired, the manifest has %d lines", last, messages)
	}
	return nil
}

func misfit(format string, args ...any) error { return &MisfitError{fmt.Sprintf(format, args...)} }
