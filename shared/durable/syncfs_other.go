//go:build !linux

package durable

import "errors"

// Descriptor is an open file.
type Descriptor interface{ Fd() uintptr }

// SyncFS, Written and DirtyBytes are of no use where no file system is trusted with
// them.
func SyncFS(Descriptor) error     { return errors.ErrUnsupported }
func Written(Descriptor) error    { return errors.ErrUnsupported }
func DirtyBytes() (uint64, error) { return 0, errors.ErrUnsupported }

// CanSyncFS is false: syncfs(2) is Linux'.
func CanSyncFS(string) bool { return false }

// CanSyncFS is [CanSyncFS] for an open directory.
func (d *Dir) CanSyncFS() bool { return false }
