package copying

import (
	"bytes"

	"sealpost/services/server/logbook/engine/disk"
	"sealpost/services/server/logbook/local/fit"
	"sealpost/shared/crypto/receipt"
)

// retired is the note of retired messages of the volume that is copied, as of the last
// look: a server retires while it is copied, too. A file goes only once the note that
// names it is durable, so that the note read last explains each that has gone.
type retired struct {
	vol   *disk.Volume
	known fit.Known
	text  []byte
	note  receipt.Retired
}

// read looks at the note again. A *fit.MisfitError says that what was copied of the
// state does not go with it, as where the identity was replaced meanwhile.
func (r *retired) read() error {
	text, err := fit.ReadRetired(r.vol)
	if err != nil || text != nil && bytes.Equal(text, r.text) {
		return err
	}
	note, err := r.known.OpenRetired(text)
	if err != nil {
		return err
	}
	r.text, r.note = text, note
	return nil
}

func (r *retired) has(number uint64) bool { return r.note.Numbers.Has(number) }

// last reads the note that goes with a copy of so many messages.
func (r *retired) last(messages uint64) error {
	if err := r.read(); err != nil {
		return err
	}
	return fit.CheckReach(r.note, messages)
}
