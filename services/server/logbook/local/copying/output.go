package copying

import (
	"os"

	"sealpost/services/server/logbook/engine/disk"
)

// output writes one file of the copy.
type output struct {
	vol     *disk.Volume
	file    *os.File
	name    string
	size    int64
	flushed int64 // bytes
	moved   func(n int)
	err     error // of a write or a flush
}

// Write writes behind what is there, and has it flushed in steps, so that a large
// file does not keep the disk from others for long.
func (o *output) Write(p []byte) (n int, err error) {
	n, o.err = o.vol.WriteAt(o.file, o.name, p, o.size)
	o.size += int64(n)
	if o.err == nil && o.size-o.flushed >= mostBytes {
		o.err = o.vol.SyncData(o.file, o.name)
		o.flushed = o.size
	}
	if o.moved != nil {
		o.moved(n)
	}
	return n, o.err
}
