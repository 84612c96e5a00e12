package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"sealpost/shared/durable"
)

// maxID is the largest user or group id; the one above means "no change".
const maxID = 1<<32 - 2

var errOwner = errors.New("a user id such as 65532, or uid:gid, or empty to change no owner")

// Owner is the user and group that a volume belongs to. The zero value means
// that owners are left as they are.
type Owner struct {
	change   bool
	uid, gid uint32
}

// UnmarshalText reads "", "UID" (the group has the same number) or "UID:GID".
func (o *Owner) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*o = Owner{}
		return nil
	}
	user, group, both := strings.Cut(string(text), ":")
	if !both {
		group = user
	}
	uid, err := parseID(user)
	if err != nil {
		return err
	}
	gid, err := parseID(group)
	if err != nil {
		return err
	}
	*o = Owner{change: true, uid: uid, gid: gid}
	return nil
}

// String returns the form that UnmarshalText reads.
func (o Owner) String() string {
	if !o.change {
		return ""
	}
	return fmt.Sprintf("%d:%d", o.uid, o.gid)
}

func parseID(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n > maxID {
		return 0, errOwner
	}
	return uint32(n), nil
}

func (o Owner) ids() (uid, gid int) {
	if !o.change {
		return durable.KeepOwner, durable.KeepOwner
	}
	return int(o.uid), int(o.gid)
}

// give hands the file itself over, never what a link points to.
func (o Owner) give(path string) error {
	if !o.change {
		return nil
	}
	return os.Lchown(path, int(o.uid), int(o.gid))
}

// makeDir makes a directory where it is missing and sets its mode and owner.
// It goes by the open directory and refuses a symbolic link: the set-up is
// root, and others can write to some of the volumes.
func makeDir(path string, mode fs.FileMode, owner Owner) (err error) {
	if err := durable.MkdirAll(path, mode); err != nil {
		return err
	}
	dir, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := dir.Close(); err == nil {
			err = closeErr
		}
	}()
	if owner.change {
		uid, gid := owner.ids()
		if err := dir.Chown(uid, gid); err != nil {
			return err
		}
	}
	if err := dir.Chmod(mode); err != nil {
		return err
	}
	return dir.Sync()
}
