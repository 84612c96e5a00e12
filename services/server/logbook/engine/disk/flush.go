package disk

import (
	"os"

	"sealpost/shared/durable"

	"golang.org/x/sys/unix"
)

// Sync flushes one file.
func (v *Volume) Sync(f *os.File, name string) error {
	if err := v.Announce(Step{Op: OpSync, Name: name}); err != nil {
		return err
	}
	return f.Sync()
}

// SyncData flushes one file's bytes, and its size if that changed, but not its
// times.
func (v *Volume) SyncData(f *os.File, name string) error {
	if err := v.Announce(Step{Op: OpSync, Name: name}); err != nil {
		return err
	}
	return os.NewSyscallError("fdatasync", ignoringEINTR(func() error { return unix.Fdatasync(int(f.Fd())) }))
}

// SyncFS flushes the whole file system.
func (v *Volume) SyncFS() error {
	if err := v.Announce(Step{Op: OpSyncFS}); err != nil {
		return err
	}
	return durable.SyncFS(v.root)
}

// Written waits for what is on its way to the disk from f, and returns the error
// of any write-back since f was opened.
func (v *Volume) Written(f *os.File, name string) error {
	if err := v.Announce(Step{Op: OpWritten, Name: name}); err != nil {
		return err
	}
	return durable.Written(f)
}

// SyncDir flushes the names in a directory.
func (v *Volume) SyncDir(name string) error {
	if err := v.Announce(Step{Op: OpSyncDir, Name: name}); err != nil {
		return err
	}
	d, err := v.openDir(name)
	if err != nil {
		return err
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	return err
}

func (v *Volume) openDir(name string) (*os.File, error) {
	if !isBelow(name + "/") {
		return os.Open(v.Path(name))
	}
	shard, err := v.openShard(name)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(shard), name), nil
}

// CanSyncFS reports whether SyncFS does what the logbook needs.
func (v *Volume) CanSyncFS() bool { return v.seams.CanSyncFS(v.dir) }

// Dirty returns how many bytes the whole machine has written and not flushed:
// at least what it has not flushed of this volume.
func (v *Volume) Dirty() (uint64, error) { return v.seams.Dirty() }
