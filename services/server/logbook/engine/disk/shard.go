package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"sealpost/shared/durable"
)

// shardMode is that of LogsDir: the same people read what is in it.
const shardMode fs.FileMode = 0o755

// isBelow reports whether a name lies in a directory of LogsDir.
func isBelow(name string) bool {
	return strings.HasPrefix(name, LogsDir+"/") && path.Dir(name) != LogsDir
}

// within calls do with the directory and the path by which system calls find name.
// A shard directory is opened by itself, so that a link in its place is not
// followed: durable.ErrNotDirectory.
func (v *Volume) within(name string, do func(dir int, path string) error) error {
	dir, p := v.at(name)
	if !isBelow(name) {
		return do(dir, p)
	}
	shard, err := v.openShard(path.Dir(name))
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(shard) }()
	return do(shard, path.Base(name))
}

func (v *Volume) openShard(name string) (fd int, err error) {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	dir, p := v.at(name)
	err = ignoringEINTR(func() (err error) {
		fd, err = unix.Openat(dir, p, flags, 0)
		return err
	})
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		err = durable.ErrNotDirectory
	}
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: p, Err: err}
	}
	return fd, nil
}

// MakeShard makes a directory in LogsDir, for whoever reads that, unless it is there:
// durable.ErrNotDirectory where something else is. Its name is durable once LogsDir
// is flushed.
func (v *Volume) MakeShard(name string) error {
	if err := v.Announce(Step{Op: OpMkdir, Name: name}); err != nil {
		return err
	}
	dir, p := v.at(name)
	err := ignoringEINTR(func() error { return unix.Mkdirat(dir, p, uint32(shardMode)) })
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return &os.PathError{Op: "mkdir", Path: p, Err: err}
	}
	shard, err := v.openShard(name)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(shard) }()
	// A directory of another user's is for that user to open or close.
	if err := ensureMode(shard, shardMode); err != nil && !errors.Is(err, fs.ErrPermission) {
		return &os.PathError{Op: "chmod", Path: p, Err: err}
	}
	return nil
}
