package room

import "sealpost/services/server/logbook/engine/disk"

// Free is what the file system of a volume has free, and how much it has in all.
// Where it sets no number of inodes, Inodes is NoLimit and AllInodes 0.
type Free = disk.Free

// NoLimit is more than there ever are.
const NoLimit = disk.NoLimit

// FreeOf asks the file system of a directory.
func FreeOf(dir string) (Free, error) { return disk.FreeOf(dir) }
